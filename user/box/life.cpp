// The life of containers: start, stop, kill, pause, unpause, wait, rename, rm, prune.
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>

#include "containers.hpp"
#include "failure.hpp"
#include "job.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

bool is_running(const ContainerStat& container) { return container.processes != 0; }

// --- start ------------------------------------------------------------------------------------------------------------

struct StartOptions {
  bool attach = false;
  std::vector<std::string> names;
};

int start(const StartOptions& options) {
  if (options.attach && options.names.size() != 1) throw Failure("start: -a is for one container");
  if (options.attach) {
    const ContainerStat stat = find(options.names.front());
    if (is_running(stat)) throw Failure(std::string(stat.name) + ": it is running already (`box attach` shows what it prints)");
    return run(stat, recall(stat), Output::logged);
  }
  return for_each(options.names, [](const ContainerStat& stat) {
    if (is_running(stat)) return;  // as docker: it runs, which is what was wanted
    start_detached(stat, recall(stat));
  });
}

// --- signals ----------------------------------------------------------------------------------------------------------

// "KILL", "SIGKILL", "9".
std::optional<int> signal_named(std::string name) {
  if (name.starts_with("SIG")) name = name.substr(3);
  for (int number = 1; number < NSIG; ++number) {
    const char* abbreviation = ::sigabbrev_np(number);
    if ((abbreviation && name == abbreviation) || name == std::to_string(number)) return number;
  }
  return std::nullopt;
}

void send(const ContainerStat& stat, int number) {
  if (stat.first_process == 0) throw Failure(std::string(stat.name) + ": it is not running");
  if (::kill(stat.first_process, number) != 0 && errno != ESRCH) throw system_failure(stat.name);
}

struct KillOptions {
  std::string signal = "KILL";
  std::vector<std::string> names;
};

int kill(const KillOptions& options) {
  const std::optional<int> number = signal_named(options.signal);
  if (!number) throw Failure("kill: " + options.signal + ": no such signal");
  return for_each(options.names, [&](const ContainerStat& stat) { send(stat, *number); });
}

// --- stop -------------------------------------------------------------------------------------------------------------

struct StopOptions {
  unsigned seconds = 10;
  std::vector<std::string> names;
};

// SIGTERM, and SIGKILL for what has not ended when the time is over.
void stop(const ContainerStat& stat, unsigned seconds) {
  if (!is_running(stat)) return;
  if (stat.state == ContainerState::frozen) set_frozen(stat, Frozen::no);
  if (stat.first_process == 0) throw Failure(std::string(stat.name) + ": those inside have joined it, and are not box's to stop");
  send(stat, SIGTERM);
  struct sigaction interrupt {};
  interrupt.sa_handler = [](int) {};
  ::sigaction(SIGALRM, &interrupt, nullptr);
  // Again and again: one that comes before the wait begins would be missed.
  const auto whole = static_cast<time_t>(seconds);
  const itimerval timer{.it_interval = {0, 100'000}, .it_value = {whole, 0}}, off{};
  ::setitimer(ITIMER_REAL, &timer, nullptr);
  const bool ended = seconds != 0 && (wait_container(stat.id) >= 0 || errno == ESRCH);
  ::setitimer(ITIMER_REAL, &off, nullptr);
  if (ended) return;
  send(stat, SIGKILL);
  while (wait_container(stat.id) < 0 && errno == EINTR) continue;
}

// --- wait, rename, rm, prune ------------------------------------------------------------------------------------------

int wait(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const int status = wait_container(find(name).id);
    if (status < 0) throw system_failure(name);
    std::printf("%d\n", exit_status_of(status));
  }
  return 0;
}

void rename(const std::string& from, const std::string& to) {
  if (rename_container(find(from).id, to.c_str()) == 0) return;
  if (errno == EEXIST) throw Failure(to + ": a container has that name already (choose another, or `box rm` it)");
  if (errno == EINVAL) throw Failure(to + ": " + not_a_name);
  throw system_failure(from);
}

enum class Force { no, yes };

void remove(const ContainerStat& stat, Force force) {
  if (is_running(stat) && force == Force::no)
    throw Failure(std::string(stat.name) + ": its processes are still running (end them first, or use `box rm -f`)");
  if (destroy_container(stat.id) != 0 && errno != ESRCH) throw system_failure(stat.name);
}

bool is_confirmed() {
  if (!::isatty(STDIN_FILENO)) return true;
  std::cout << "All containers in which nothing runs will be removed. Go on? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

void prune(Force force) {
  if (force == Force::no && !is_confirmed()) return;
  for (const ContainerStat& stat : all()) {
    if (is_running(stat)) continue;
    remove(stat, Force::no);
    std::puts(stat.name);
  }
}

// What most words take: containers, all by the same option.
CLI::App& add_word(CLI::App& box, const char* name, const char* what, std::vector<std::string>& names) {
  CLI::App& word = *box.add_subcommand(name, what);
  word.add_option("CONTAINER", names, "names or ids")->required();
  return word;
}

}  // namespace

void set_frozen(const ContainerStat& stat, Frozen frozen) {
  ContainerScheduling scheduling;
  scheduling.id = stat.id;
  scheduling.change = ContainerScheduling::freezing;
  scheduling.frozen = frozen == Frozen::yes;
  if (container_scheduling(scheduling) != 0) throw system_failure(stat.name);
}

void add_start(CLI::App& box, int& status) {
  auto options = std::make_shared<StartOptions>();
  CLI::App& word = add_word(box, "start", "start the programs of containers (again)", options->names);
  word.add_flag("-a,--attach,-i,--interactive", options->attach, "in the foreground, as `box run` does");
  word.callback([options, &status] { status = start(*options); });
}

void add_stop(CLI::App& box, int& status) {
  auto options = std::make_shared<StopOptions>();
  CLI::App& word = add_word(box, "stop", "end the programs of containers: SIGTERM, then SIGKILL", options->names);
  word.add_option("-t,--time", options->seconds, "seconds between the two (10)");
  word.callback([options, &status] {
    status = for_each(options->names, [&](const ContainerStat& stat) { stop(stat, options->seconds); });
  });
}

void add_kill(CLI::App& box, int& status) {
  auto options = std::make_shared<KillOptions>();
  CLI::App& word = add_word(box, "kill", "send the first processes of containers a signal", options->names);
  word.add_option("-s,--signal", options->signal, "name or number (KILL)");
  word.callback([options, &status] { status = kill(*options); });
}

void add_pause(CLI::App& box, int& status) {
  for (const Frozen frozen : {Frozen::yes, Frozen::no}) {
    auto names = std::make_shared<std::vector<std::string>>();
    CLI::App& word = frozen == Frozen::yes ? add_word(box, "pause", "freeze all processes of containers", *names)
                                           : add_word(box, "unpause", "let them go on", *names);
    word.callback([names, frozen, &status] {
      status = for_each(*names, [frozen](const ContainerStat& stat) { set_frozen(stat, frozen); });
    });
  }
}

void add_wait(CLI::App& box, int& status) {
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App& word = add_word(box, "wait", "wait until containers' programs have ended, and print their exit statuses", *names);
  word.callback([names, &status] { status = wait(*names); });
}

void add_rename(CLI::App& box, int&) {
  auto names = std::make_shared<std::pair<std::string, std::string>>();
  CLI::App& word = *box.add_subcommand("rename", "give a container another name");
  word.add_option("CONTAINER", names->first, "name or id")->required();
  word.add_option("NAME", names->second, "the new name")->required();
  word.callback([names] { rename(names->first, names->second); });
}

void add_rm(CLI::App& box, int& status) {
  auto force = std::make_shared<bool>();
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App& word = add_word(box, "rm", "remove containers, with all that they changed", *names);
  word.add_flag("-f,--force", *force, "end their processes first");
  word.callback([force, names, &status] {
    status = for_each(*names, [&](const ContainerStat& stat) { remove(stat, *force ? Force::yes : Force::no); });
  });
}

void add_prune(CLI::App& box, int&) {
  auto force = std::make_shared<bool>();
  CLI::App& word = *box.add_subcommand("prune", "remove all containers in which nothing runs");
  word.add_flag("-f,--force", *force, "do not ask");
  word.callback([force] { prune(*force ? Force::yes : Force::no); });
}

}  // namespace cv6::box
