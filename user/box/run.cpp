// `box run`, `box exec`: programs in new containers, and in containers that there are.
#include <cstdio>
#include <memory>

#include "containers.hpp"
#include "failure.hpp"
#include "job.hpp"
#include "policy.hpp"
#include "scheduling.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

struct RunOptions {
  NewContainer container;
  PolicyOptions policy;
  SchedulingOptions scheduling;
  bool remove = false;
};

// The container of `box run --rm` goes when the program has ended, and one whose program could not be started goes as well.
class Temporary {
 public:
  explicit Temporary(int id) : id_(id) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!kept_ && destroy_container(id_) != 0) std::perror("box: removing the container");
  }
  int id() const { return id_; }
  void keep() { kept_ = true; }

 private:
  int id_;
  bool kept_ = false;
};

int run_new(RunOptions& options, const std::vector<std::string>& words) {
  options.container.scheduling = options.scheduling.wanted();
  Temporary container(create(options.container));
  ContainerStat stat;
  stat.id = container.id();
  if (stat_container(stat) != 0) throw system_failure("the new container");
  apply_policy(stat.id, options.policy);
  const int status = run(stat.id, stat.hostname, words);
  if (!options.remove) container.keep();
  return status;
}

int run_inside(const std::string& name, const std::vector<std::string>& words) {
  const ContainerStat stat = find(name);
  return run(stat.id, stat.hostname, words);
}

// What is left of the command line after box's own options is the program and its arguments.
std::vector<std::string> command_of(const CLI::App& word) {
  const std::vector<std::string> words = word.remaining();
  if (words.empty()) throw Failure(word.get_name() + ": which program? (" + word.get_footer() + ")");
  if (words.front().starts_with('-'))
    throw Failure(word.get_name() + ": " + words.front() + ": no such option (see `box " + word.get_name() + " --help`)");
  return words;
}

}  // namespace

void add_run(CLI::App& box, int& status) {
  auto options = std::make_shared<RunOptions>();
  CLI::App& word = *box.add_subcommand("run", "make a container and run a program in it");
  word.add_option("--name", options->container.name, "name of the container (else box-<id>)");
  word.add_option("--hostname", options->container.hostname, "what the container calls itself (else its name)");
  word.add_flag("--rm", options->remove, "remove the container when the program has ended");
  options->policy.add_to(word);
  options->scheduling.add_to(word);
  word.footer("box run [OPTIONS] PROGRAM [ARGUMENT]...");
  word.prefix_command();
  word.callback([options, &word, &status] { status = run_new(*options, command_of(word)); });
}

void add_exec(CLI::App& box, int& status) {
  auto container = std::make_shared<std::string>();
  CLI::App& word = *box.add_subcommand("exec", "run another program in a container");
  word.add_option("CONTAINER", *container, "name or id")->required();
  word.footer("box exec CONTAINER PROGRAM [ARGUMENT]...");
  word.prefix_command();
  word.callback([container, &word, &status] { status = run_inside(*container, command_of(word)); });
}

}  // namespace cv6::box
