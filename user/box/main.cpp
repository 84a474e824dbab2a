// box: runs programs in containers, lists and removes containers. The interface is a small part of what docker users know;
// the work is done by the system calls of cv6/container.hpp.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "containers.hpp"
#include "failure.hpp"
#include "job.hpp"
#include "policy.hpp"
#include "scheduling.hpp"
#include "trace.hpp"

namespace cv6::box {
namespace {

struct RunOptions {
  NewContainer container;
  PolicyOptions policy;
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

int run_new(const RunOptions& options, const std::vector<std::string>& words) {
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
std::vector<std::string> command_of(const CLI::App& subcommand) {
  const std::vector<std::string> words = subcommand.remaining();
  if (words.empty()) throw Failure(subcommand.get_name() + ": which program? (" + subcommand.get_footer() + ")");
  if (words.front().starts_with('-'))
    throw Failure(subcommand.get_name() + ": " + words.front() + ": no such option (see `box " + subcommand.get_name() + " --help`)");
  return words;
}

void add_policy_options(CLI::App& run, PolicyOptions& options) {
  run.add_option("--policy", options.file, "system calls as this file says (docker's seccomp JSON, or lines)");
  run.add_option("--deny", options.deny, "system calls that fail: names, numbers, `all`")->expected(1)->allow_extra_args(false);
  run.add_option("--allow", options.allow, "system calls that are allowed after all")->expected(1)->allow_extra_args(false);
  run.add_flag("--learn", options.learn, "count system calls from the start, for `box policy learn`");
}

// `box policy show|allow|deny|learn`.
struct PolicyWords {
  std::string container, output;
  std::vector<std::string> calls;
  CLI::App* app = nullptr;

  void add_to(CLI::App& box) {
    app = box.add_subcommand("policy", "which system calls a container may make");
    app->require_subcommand(1);
    for (const auto& [name, what] : {std::pair{"show", "print it"}, std::pair{"allow", "allow calls from now on"},
                                     std::pair{"deny", "deny calls from now on"},
                                     std::pair{"learn", "print a policy that allows what the container has called"}}) {
      CLI::App& word = *app->add_subcommand(name, what);
      word.add_option("CONTAINER", container, "name or id")->required();
      if (word.get_name() == "allow" || word.get_name() == "deny")
        word.add_option("CALL", calls, "names, numbers, `all`")->required();
      if (word.get_name() == "learn") word.add_option("-o,--output", output, "to this file");
    }
  }
  int run() const {
    const std::string word = app->get_subcommands().front()->get_name();
    if (word == "show") show_policy(container);
    if (word == "learn") write_learned_policy(container, output);
    if (word == "allow" || word == "deny") change_policy(container, calls, word == "allow");
    return 0;
  }
};

// `box sched`.
struct SchedWords {
  std::string container, log;
  SchedulingOptions options;
  CLI::App* app = nullptr;

  void add_to(CLI::App& box) {
    app = box.add_subcommand("sched", "show how a container is scheduled, or change it");
    app->add_option("CONTAINER", container, "name or id")->required();
    options.add_to(*app);
    app->add_option("--log", log, "print each decision here")->check(CLI::IsMember({"on", "off"}));
  }
  int run() const {
    schedule(container, options, log);
    return 0;
  }
};

void add_trace_options(CLI::App& trace, std::string& container, TraceOptions& options) {
  trace.add_option("CONTAINER", container, "name or id")->required();
  trace.add_flag("-c,--summary-only", options.summary, "a table of calls, times and errors at the end");
  trace.add_flag("-t", options.times, "say when");
  trace.add_flag("--past", options.past, "what has been logged, without following");
  trace.add_option("-o,--output", options.output, "to this file");
}

int main(int count, char** arguments) {
  CLI::App app("Runs programs in containers.", "box");
  app.require_subcommand(1);
  RunOptions options;
  CLI::App& run = *app.add_subcommand("run", "make a container and run a program in it");
  run.add_option("--name", options.container.name, "name of the container (else box-<id>)");
  run.add_option("--hostname", options.container.hostname, "what the container calls itself (else its name)");
  run.add_flag("--rm", options.remove, "remove the container when the program has ended");
  add_policy_options(run, options.policy);
  SchedulingOptions run_scheduling;
  run_scheduling.add_to(run);
  run.footer("box run [OPTIONS] PROGRAM [ARGUMENT]...");
  run.prefix_command();
  std::string inside;
  CLI::App& exec = *app.add_subcommand("exec", "run another program in a container");
  exec.add_option("CONTAINER", inside, "name or id")->required();
  exec.footer("box exec CONTAINER PROGRAM [ARGUMENT]...");
  exec.prefix_command();
  bool quiet = false;
  CLI::App& list = *app.add_subcommand("ls", "list the containers");
  list.add_flag("-q,--quiet", quiet, "ids only");
  PolicyWords policy;
  policy.add_to(app);
  TraceOptions trace_options;
  CLI::App& trace = *app.add_subcommand("trace", "show the system calls of a container, as strace does");
  add_trace_options(trace, inside, trace_options);
  bool force = false;
  std::vector<std::string> names;
  CLI::App& remove = *app.add_subcommand("rm", "remove containers, with all that they changed");
  remove.add_flag("-f,--force", force, "end their processes first");
  remove.add_option("CONTAINER", names, "names or ids")->required();

  SchedWords sched;
  sched.add_to(app);

  try {
    app.parse(count, arguments);
    options.container.scheduling = run_scheduling.wanted();
    if (run.parsed()) return run_new(options, command_of(run));
    if (policy.app->parsed()) return policy.run();
    if (trace.parsed()) return box::trace(inside, trace_options);
    if (exec.parsed()) return run_inside(inside, command_of(exec));
    if (remove.parsed()) return box::remove(names, force ? Force::yes : Force::no);
    if (sched.app->parsed()) return sched.run();
    quiet ? print_ids(all()) : print_table(all());
    return 0;
  } catch (const CLI::Success& success) {
    return app.exit(success);  // --help
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "box: %s (see `box --help`)\n", error.what());
    return exit_status::own_failure;
  } catch (const Failure& failure) {
    std::fprintf(stderr, "box: %s\n", failure.what());
    return failure.status();
  }
}

}  // namespace
}  // namespace cv6::box

int main(int count, char** arguments) { return cv6::box::main(count, arguments); }
