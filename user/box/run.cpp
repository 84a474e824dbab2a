// `box run`, `create`, `exec`: programs in new containers, and in containers that there are.
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "containers.hpp"
#include "ending.hpp"
#include "failure.hpp"
#include "files_options.hpp"
#include "job.hpp"
#include "limits.hpp"
#include "policy.hpp"
#include "scheduling.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

struct RunOptions {
  NewContainer container;
  Program program;
  PolicyOptions policy;
  LimitOptions limits;
  FilesOptions files;
  SchedulingOptions scheduling;
  std::string abi = "linux";  // of the program: what the container's settings are like
  bool remove = false, detach = false, nesting = false, interactive = false;

  void add_to(CLI::App& word);
};

// Options under a heading of their own. CLI11 compares each option with all others of its group, which is the other reason.
CLI::App& option_group(CLI::App& word, const std::string& heading) {
  CLI::App& group = *word.add_option_group(heading);
  group.option_defaults()->group(heading);
  return group;
}

void RunOptions::add_to(CLI::App& word) {
  word.add_option("--name", container.name, "name of the container (else box-<id>)");
  word.add_option("--hostname", container.hostname, "what the container calls itself (else its name)");
  word.add_flag("--rm", remove, "remove the container when the program has ended");
  word.add_flag("-i,--interactive", interactive, "the program reads what is typed here (it does so anyhow)");
  word.add_flag("-t,--tty", program.terminal,
                "the program needs a terminal: this one, or in the background one of its own (`box attach`)");
  word.add_option("--abi", abi, "`xv6`: a container as xv6 programs expect it, with theirs in its root (else linux)")
      ->check(CLI::IsMember({"linux", "xv6"}));
  word.add_flag("--nesting", nesting, "its root may make containers of its own");
  program.add_to(option_group(word, "Program"));
  files.add_to(option_group(word, "Files"));
  limits.add_to(option_group(word, "Limits"));
  scheduling.add_to(option_group(word, "Scheduling"));
  policy.add_to(option_group(word, "System calls"));
  word.prefix_command();
}

// A new container that goes again if anything fails before it is kept.
class Fresh {
 public:
  explicit Fresh(int id) : id_(id) {}
  Fresh(const Fresh&) = delete;
  Fresh& operator=(const Fresh&) = delete;
  ~Fresh() {
    if (!kept_ && destroy_container(id_) != 0 && errno != ESRCH) std::perror("box: removing the container");
  }
  int id() const { return id_; }
  void keep() { kept_ = true; }

 private:
  int id_;
  bool kept_ = false;
};

void check_terminal(const RunOptions& options) {
  if (options.program.terminal && !options.detach && !::isatty(STDIN_FILENO)) throw Failure("-t: the standard input is not a terminal");
}

// What xv6 programs rely on: docs/xv6.md. They are all in the root, and that is where their shell looks for them.
void become_xv6(RunOptions& options) {
  constexpr std::uint64_t processes = 64, memory = 224 << 20;
  if (options.container.root.empty()) options.container.root = "/xv6";
  options.limits.set_default(ContainerLimit::Kind::processes, processes);
  options.limits.set_default(ContainerLimit::Kind::memory, memory);
  if (options.program.words.empty()) options.program.words = {"sh"};
  std::string& program = options.program.words.front();
  if (!program.contains('/')) program.insert(0, "/");
}

// The container, ready to run its program.
int make(RunOptions& options, std::vector<std::string> words) {
  options.program.words = std::move(words);
  if (!options.program.words.empty()) options.files.choose_image(options.container, options.program);
  if (options.abi == "xv6") become_xv6(options);
  options.program.complete();
  options.container.scheduling = options.scheduling.wanted();
  if (options.nesting) options.container.flags |= ContainerCreate::may_nest;
  Fresh fresh(create(options.container));
  options.limits.apply(fresh.id());
  options.files.apply(fresh.id());
  apply_policy(fresh.id(), options.policy);
  remember(fresh.id(), options.program);
  stop_if_ending();
  fresh.keep();
  return fresh.id();
}

int run_new(RunOptions& options, std::vector<std::string> words) {
  check_terminal(options);
  // Where box waits, it removes the container itself: when it ends, that is gone.
  if (options.remove && options.detach) options.container.flags |= ContainerCreate::temporary;
  Fresh container(make(options, std::move(words)));
  const ContainerStat stat = stat_of(container.id());
  if (options.detach) {
    start_detached(stat, options.program);
    container.keep();
    std::printf("%d\n", stat.id);
    return 0;
  }
  const int status = run(stat, options.program, Output::logged);
  if (!options.remove) container.keep();
  return status;
}

struct ExecOptions {
  std::string container;
  Program program;
  bool detach = false, interactive = false, terminal = false;
};

int run_inside(ExecOptions& options, std::vector<std::string> words) {
  if (options.terminal && !::isatty(STDIN_FILENO)) throw Failure("-t: the standard input is not a terminal");
  options.program.words = std::move(words);
  options.program.complete();
  const ContainerStat stat = find(options.container);
  if (!options.detach) return run(stat, options.program, Output::direct);
  start_detached(stat, options.program);
  return 0;
}

// What is left of the command line after box's own options is the program and its arguments.
std::vector<std::string> command_of(const CLI::App& word) {
  const std::vector<std::string> words = word.remaining();
  const CLI::Option* abi = word.get_option_no_throw("--abi");
  if (words.empty() && abi && abi->count() && abi->as<std::string>() == "xv6") return words;  // its shell
  if (words.empty()) throw Failure(word.get_name() + ": which program? (" + word.get_footer() + ")");
  if (words.front().starts_with('-'))
    throw Failure(word.get_name() + ": " + words.front() + ": no such option (see `box " + word.get_name() + " --help`)");
  return words;
}

}  // namespace

void add_run(CLI::App& box, int& status) {
  auto options = std::make_shared<RunOptions>();
  CLI::App& word = *box.add_subcommand("run", "make a container and run a program in it");
  options->add_to(word);
  word.add_flag("-d,--detach", options->detach, "do not wait; the container's id is printed");
  word.footer("box run [OPTIONS] [IMAGE] PROGRAM [ARGUMENT]...");
  word.callback([options, &word, &status] { status = run_new(*options, command_of(word)); });
}

void add_create(CLI::App& box, int&) {
  auto options = std::make_shared<RunOptions>();
  CLI::App& word = *box.add_subcommand("create", "make a container for a program, to be started later");
  options->add_to(word);
  word.footer("box create [OPTIONS] [IMAGE] PROGRAM [ARGUMENT]...");
  word.callback([options, &word] {
    end_by_signals();
    if (options->remove) options->container.flags |= ContainerCreate::temporary;
    std::printf("%d\n", make(*options, command_of(word)));
  });
}

void add_exec(CLI::App& box, int& status) {
  auto options = std::make_shared<ExecOptions>();
  CLI::App& word = *box.add_subcommand("exec", "run another program in a container");
  word.add_option("CONTAINER", options->container, "name or id")->required();
  word.add_flag("-d,--detach", options->detach, "do not wait");
  word.add_flag("-i,--interactive", options->interactive, "the program reads what is typed here (it does so anyhow)");
  word.add_flag("-t,--tty", options->terminal, "the program needs a terminal: this one");
  options->program.add_to(word);
  word.footer("box exec CONTAINER PROGRAM [ARGUMENT]...");
  word.prefix_command();
  word.callback([options, &word, &status] { status = run_inside(*options, command_of(word)); });
}

}  // namespace cv6::box
