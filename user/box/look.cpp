// `box inspect`, `top`, `stats`, `fds`: what is inside.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "configuration.hpp"
#include "containers.hpp"
#include "failure.hpp"
#include "job.hpp"
#include "limits.hpp"
#include "table.hpp"
#include "time_text.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

ContainerScheduling scheduling_of(int container) {
  ContainerScheduling scheduling;
  scheduling.id = container;
  if (container_scheduling(scheduling) != 0) throw system_failure("container " + std::to_string(container));
  return scheduling;
}

// --- inspect ----------------------------------------------------------------------------------------------------------

Json json_of_limits(int container) {
  Json limits = Json::object();
  for (std::size_t i = 0; i < limit_kind_count; ++i) {
    const ContainerLimit limit = limit_of(container, limit_kinds[i].kind);
    const Json value = limit.limit == ContainerLimit::unlimited ? Json() : Json(limit.limit);
    limits[limit_kinds[i].name] = {{"limit", value}, {"current", limit.current}, {"peak", limit.peak}, {"refusals", limit.refusals}};
  }
  return limits;
}

Json json_of_scheduling(const ContainerScheduling& now) {
  return {{"policy", now.policy},
          {"weight", now.weight},
          {"quota_us", now.quota == ContainerScheduling::unlimited ? Json() : Json(now.quota)},
          {"period_us", now.period},
          {"frozen", now.frozen != 0},
          {"cpu_time_ns", now.total_cpu_time},
          {"throttled_count", now.throttled_count},
          {"throttled_ns", now.throttled_time}};
}

Json json_of_calls(int container) {
  ContainerLog log;
  log.id = container;
  if (container_log(log) != 0) throw system_failure("container " + std::to_string(container));
  return {{"recorded", log.recorded}, {"lost", log.lost}, {"denied", log.denied}};
}

Json moment(std::uint64_t time) { return time ? Json(moment_text(time)) : Json(); }

Json describe(const ContainerStat& stat) {
  Json json = {{"id", stat.id}, {"name", stat.name}, {"hostname", stat.hostname}};
  json["parent"] = stat.parent == host_container ? Json() : Json(stat.parent);
  json["state"] = name_of(stat.state);
  json["processes"] = stat.processes;
  json["first_process"] = stat.first_process ? Json(stat.first_process) : Json();
  json["created"] = moment(stat.created);
  json["started"] = moment(stat.started);
  json["ended"] = moment(stat.ended);
  json["starts"] = stat.starts;
  json["exit_status"] = stat.ended ? Json(exit_status_of(stat.status)) : Json();
  json["temporary"] = (stat.flags & ContainerCreate::temporary) != 0;
  json["nesting"] = (stat.flags & ContainerCreate::may_nest) != 0;
  const std::optional<Program> program = find_program(stat);
  json["program"] = program ? to_json(*program) : Json();
  json["limits"] = json_of_limits(stat.id);
  json["memory"] = {{"bytes", stat.memory}, {"peak", stat.memory_peak}};
  json["scheduling"] = json_of_scheduling(scheduling_of(stat.id));
  json["system_calls"] = json_of_calls(stat.id);
  return json;
}

void inspect(const std::vector<std::string>& names) {
  Json all = Json::array();
  for (const std::string& name : names) all.push_back(describe(find(name)));
  std::puts(json_text(all, 2).c_str());
}

// --- top --------------------------------------------------------------------------------------------------------------

struct LookOptions {
  std::string container;
  Format format = Format::table;
};

std::string command_line_of(const ContainerProcess& process) {
  std::ifstream file("/proc/" + std::to_string(process.number) + "/cmdline");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  while (!text.empty() && text.back() == '\0') text.pop_back();
  for (char& c : text)
    if (c == '\0') c = ' ';
  return text.empty() ? "[" + std::string(process.name) + "]" : text;
}

// Of /proc/PID/status: the owner, and the resident set in kB.
std::pair<std::uint64_t, std::uint64_t> user_and_memory_of(int process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/status");
  std::pair<std::uint64_t, std::uint64_t> found;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    if (key == "Uid:") words >> found.first;
    if (key == "VmRSS:") words >> found.second;
  }
  return found;
}

std::string time_text(std::uint64_t nanoseconds) {
  char text[32];
  const std::uint64_t hundredths = nanoseconds / 10'000'000;
  std::snprintf(text, sizeof text, "%llu:%02llu.%02llu", static_cast<unsigned long long>(hundredths / 6000),
                static_cast<unsigned long long>(hundredths / 100 % 60), static_cast<unsigned long long>(hundredths % 100));
  return text;
}

void top(const LookOptions& options) {
  const ContainerStat stat = find(options.container);
  Table table({"PID", "INSIDE", "UID", "THREADS", "MEMORY", "TIME", "COMMAND"});
  ContainerProcess process;
  process.id = stat.id;
  for (; container_process(process) == 0; process.after = process.number) {
    const auto [user, kilobytes] = user_and_memory_of(process.number);
    table.add({process.number, process.number_inside, user, process.threads, Cell::size(kilobytes * 1024),
               {time_text(process.cpu_time), process.cpu_time}, command_line_of(process)});
  }
  table.print(options.format);
}

// --- fds --------------------------------------------------------------------------------------------------------------

void list_descriptors(const LookOptions& options) {
  const ContainerStat stat = find(options.container);
  std::map<std::pair<int, int>, ContainerDescriptor> found;  // by cfd
  ContainerDescriptor descriptor;
  descriptor.id = stat.id;
  for (int unnumbered = 0; container_descriptor(descriptor) == 0;)
    found.insert({{descriptor.container_descriptor, descriptor.container_descriptor < 0 ? ++unnumbered : 0}, descriptor});
  if (errno != ESRCH) throw system_failure(stat.name);
  Table table({"CFD", "PID", "FD", "MODE", "OFFSET", "NAME"});
  for (const auto& [number, one] : found)
    table.add({one.container_descriptor, one.process, one.descriptor,
               std::string(one.readable ? "r" : "") + (one.writable ? "w" : ""), one.position, one.name});
  table.print(options.format);
}

// --- stats ------------------------------------------------------------------------------------------------------------

struct StatsOptions {
  std::vector<std::string> names;
  bool once = false;
  Format format = Format::table;
};

struct Sample {
  std::uint64_t time = 0, cpu_time = 0;
};

std::vector<ContainerStat> wanted(const std::vector<std::string>& names) {
  if (names.empty()) return all();
  std::vector<ContainerStat> found;
  for (const std::string& name : names) found.push_back(find(name));
  return found;
}

std::string of_limit(const std::string& now, const ContainerLimit& limit) {
  return now + " / " + (limit.limit == ContainerLimit::unlimited ? "-" : std::to_string(limit.limit));
}

// The share of one processor since the sample before; without one, since it was started.
std::string share_text(const Sample& before, const Sample& now) {
  if (now.time <= before.time) return "0.00%";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f%%",
                100.0 * static_cast<double>(now.cpu_time - before.cpu_time) / static_cast<double>(now.time - before.time));
  return text;
}

Table sample(const StatsOptions& options, std::map<int, Sample>& samples) {
  Table table({"ID", "NAME", "CPU", "MEMORY", "PEAK", "PIDS", "FILES", "CPU TIME"});
  for (const ContainerStat& stat : wanted(options.names)) {
    const ContainerLimit processes = limit_of(stat.id, ContainerLimit::Kind::processes);
    const ContainerLimit files = limit_of(stat.id, ContainerLimit::Kind::open_files);
    const Sample sample{now(), scheduling_of(stat.id).total_cpu_time};
    Sample& before = samples.try_emplace(stat.id, Sample{stat.started ? stat.started : stat.created, 0}).first->second;
    table.add({stat.id, stat.name, share_text(before, sample), Cell::size(stat.memory), Cell::size(stat.memory_peak),
               {of_limit(std::to_string(processes.current), processes), processes.current},
               {of_limit(std::to_string(files.current), files), files.current},
               {time_text(sample.cpu_time), sample.cpu_time}});
    before = sample;
  }
  return table;
}

void stats(const StatsOptions& options) {
  std::map<int, Sample> samples;
  const bool once = options.once || options.format == Format::json || !::isatty(STDOUT_FILENO);
  sample(options, samples).print(options.format);
  while (!once) {
    ::sleep(1);
    const Table table = sample(options, samples);
    std::fputs("\033[H\033[J", stdout);
    table.print(options.format);
  }
}

}  // namespace

void add_inspect(CLI::App& box, int&) {
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App& word = *box.add_subcommand("inspect", "all that is known about containers, as JSON");
  word.add_option("CONTAINER", *names, "names or ids")->required();
  word.callback([names] { inspect(*names); });
}

void add_top(CLI::App& box, int&) {
  auto options = std::make_shared<LookOptions>();
  CLI::App& word = *box.add_subcommand("top", "the processes of a container");
  word.add_option("CONTAINER", options->container, "name or id")->required();
  add_format_option(word, options->format);
  word.callback([options] { top(*options); });
}

void add_fds(CLI::App& box, int&) {
  auto options = std::make_shared<LookOptions>();
  CLI::App& word = *box.add_subcommand("fds", "the descriptor table of a container");
  word.add_option("CONTAINER", options->container, "name or id")->required();
  add_format_option(word, options->format);
  word.callback([options] { list_descriptors(*options); });
}

void add_stats(CLI::App& box, int&) {
  auto options = std::make_shared<StatsOptions>();
  CLI::App& word = *box.add_subcommand("stats", "what containers use, every second");
  word.add_option("CONTAINER", options->names, "names or ids (else all)");
  word.add_flag("--no-stream", options->once, "once");
  add_format_option(word, options->format);
  word.callback([options] { stats(*options); });
}

}  // namespace cv6::box
