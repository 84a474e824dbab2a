#include "scheduling.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <vector>

#include "containers.hpp"
#include "failure.hpp"
#include "table.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

constexpr double period = 100'000;  // microseconds

std::uint64_t quota_of(const std::string& cpus) {
  double value = 0;
  try {
    std::size_t end = 0;
    value = std::stod(cpus, &end);
    if (end != cpus.size()) value = 0;
  } catch (const std::exception&) {
    value = 0;
  }
  if (!(value >= 0.01 && value <= 64))
    throw Failure("--cpus " + cpus + ": not a number of processors (0.01 to 64, such as 0.5)");
  return static_cast<std::uint64_t>(std::lround(value * period));
}

std::string text_of(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string cpus_text(const ContainerScheduling& now) {
  if (now.quota == ContainerScheduling::unlimited) return "-";
  return text_of("%.2f", static_cast<double>(now.quota) / static_cast<double>(now.period));
}

const char* state_text(const ContainerScheduling& now) {
  if (now.frozen) return "frozen";
  return now.throttled ? "throttled" : "runs";
}

const char* name_of(VirtualState state) {
  switch (state) {
    case VirtualState::runnable: return "V_RUNNABLE";
    case VirtualState::running: return "V_RUNNING";
    case VirtualState::waiting: return "V_WAITING";
  }
  return "?";
}

// The weights that compete with this container's: its siblings', and 100 for its parent's own processes.
std::uint64_t weights_beside(const ContainerStat& container) {
  std::uint64_t sum = 100;
  for (const ContainerStat& other : all()) {
    ContainerScheduling scheduling;
    scheduling.id = other.id;
    if (other.parent == container.parent && container_scheduling(scheduling) == 0) sum += scheduling.weight;
  }
  return sum;
}

Cell seconds(std::uint64_t nanoseconds) { return {text_of("%.3f s", static_cast<double>(nanoseconds) / 1e9), nanoseconds}; }

Table processes_of(const ContainerStat& container) {
  Table table({"PID", "INSIDE", "V_STATE", "NICE", "CPU", "DECISIONS", "CPU TIME", "NAME"});
  ContainerProcess process;
  process.id = container.id;
  for (; container_process(process) == 0; process.after = process.number)
    table.add({process.number, process.number_inside, name_of(process.v_state), process.nice, process.cpu, process.decisions,
               seconds(process.cpu_time), process.name});
  return table;
}

void show(const ContainerStat& container, const ContainerScheduling& now, Format format) {
  Table table({"CONTAINER", "POLICY", "WEIGHT", "CPUS", "STATE", "RUNNING", "QUEUED", "CPU TIME", "DECISIONS", "THROTTLED", "LOG"});
  table.add({container.name, now.policy,
             {std::to_string(now.weight) + " of " + std::to_string(weights_beside(container)), now.weight}, cpus_text(now),
             state_text(now), now.running, now.queued, seconds(now.total_cpu_time), now.decisions, seconds(now.throttled_time),
             now.log ? "on" : "off"});
  const Table processes = processes_of(container);
  if (format == Format::json) {
    std::printf("{\"container\": %s,\n\"processes\": %s}\n", table.json().c_str(), processes.json().c_str());
    return;
  }
  table.print(format);
  if (processes.empty()) return;
  std::puts("");
  processes.print(format);
}

}  // namespace

void SchedulingOptions::add_to(CLI::App& command) {
  command.add_option("--sched", policy_, "policy of its virtual scheduler")
      ->check(CLI::IsMember({"round-robin", "fair", "priority", "lottery", "fifo"}));
  command.add_option("--sched-seed", seed_, "what the lottery begins with")->needs("--sched");
  command.add_option("--cpus", cpus_, "processors that it may use at most, such as 0.5");
  command.add_option("--cpu-weight", weight_, "its share against its siblings (100)")->check(CLI::Range(1, 10'000));
}

ContainerScheduling SchedulingOptions::wanted() const {
  using Scheduling = ContainerScheduling;
  Scheduling wanted;
  if (!policy_.empty()) {
    wanted.change |= Scheduling::policy_and_seed;
    std::copy(policy_.begin(), policy_.end(), wanted.policy);
    wanted.seed = seed_;
  }
  if (!cpus_.empty()) {
    wanted.change |= Scheduling::quota_and_period;
    wanted.quota = quota_of(cpus_);
  }
  if (weight_) {
    wanted.change |= Scheduling::weight_only;
    wanted.weight = weight_;
  }
  return wanted;
}

namespace {

struct SchedWord {
  std::string container, log;
  SchedulingOptions options;
  Format format = Format::table;
};

// Changes what the options name; if that is nothing, shows all.
void schedule(const SchedWord& word) {
  const auto& [name, log, options, format] = word;
  const ContainerStat container = find(name);
  ContainerScheduling scheduling = options.wanted();
  scheduling.id = container.id;
  if (!log.empty()) {
    scheduling.change |= ContainerScheduling::logging;
    scheduling.log = log == "on";
    scheduling.log_to = scheduling.log ? STDOUT_FILENO : -1;
  }
  const bool change = scheduling.change != 0;
  if (container_scheduling(scheduling) != 0) throw system_failure(name);
  if (!change) show(container, scheduling, format);
}

}  // namespace

void add_sched(CLI::App& box, int&) {
  auto options = std::make_shared<SchedWord>();
  CLI::App& word = *box.add_subcommand("sched", "show how a container is scheduled, or change it");
  word.add_option("CONTAINER", options->container, "name or id")->required();
  options->options.add_to(word);
  word.add_option("--log", options->log, "print each decision here")->check(CLI::IsMember({"on", "off"}));
  add_format_option(word, options->format);
  word.callback([options] { schedule(*options); });
}

}  // namespace cv6::box
