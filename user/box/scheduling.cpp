#include "scheduling.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "containers.hpp"
#include "failure.hpp"

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

std::string seconds(std::uint64_t nanoseconds) { return text_of("%.3f s", static_cast<double>(nanoseconds) / 1e9); }

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

void show(const ContainerStat& container, const ContainerScheduling& now) {
  print_columns({{"CONTAINER", "POLICY", "WEIGHT", "CPUS", "STATE", "RUNNING", "QUEUED", "CPU TIME", "DECISIONS", "THROTTLED", "LOG"},
                 {container.name, now.policy,
                  std::to_string(now.weight) + " of " + std::to_string(weights_beside(container)), cpus_text(now),
                  state_text(now), std::to_string(now.running), std::to_string(now.queued), seconds(now.total_cpu_time),
                  std::to_string(now.decisions), std::to_string(now.throttled_count) + " (" + seconds(now.throttled_time) + ")",
                  now.log ? "on" : "off"}});
  std::vector<std::vector<std::string>> lines = {{"PID", "INSIDE", "V_STATE", "NICE", "CPU", "DECISIONS", "CPU TIME", "NAME"}};
  ContainerProcess process;
  process.id = container.id;
  for (; container_process(process) == 0; process.after = process.number)
    lines.push_back({std::to_string(process.number), std::to_string(process.number_inside), name_of(process.v_state),
                     std::to_string(process.nice), std::to_string(process.cpu), std::to_string(process.decisions),
                     seconds(process.cpu_time), process.name});
  if (lines.size() == 1) return;
  std::puts("");
  print_columns(lines);
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

void schedule(const std::string& name, const SchedulingOptions& options, const std::string& log) {
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
  if (!change) show(container, scheduling);
}

}  // namespace cv6::box
