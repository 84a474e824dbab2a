// `box trace`: the system calls of a container as strace(1) shows those of a process.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "call_counts.hpp"
#include "call_names.hpp"
#include "containers.hpp"
#include "ending.hpp"
#include "failure.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

struct TraceOptions {
  std::string container;
  bool summary = false;  // -c: a table when the container is empty, or at ^C
  bool times = false;    // -t
  bool past = false;     // what the log has; nothing is waited for, nothing is switched on
  std::string output;    // -o; else standard output
};

using Output = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

Output open_output(const std::string& path) {
  if (path.empty()) return {stdout, [](std::FILE*) { return 0; }};
  Output file(std::fopen(path.c_str(), "w"), std::fclose);
  if (!file) throw system_failure(path);
  return file;
}

// `... = -1 ENOENT <0.000010>` gets what the error means.
std::string with_meaning(std::string_view line) {
  const std::size_t at = line.rfind(") = -1 E");
  const std::size_t end = line.rfind(" <");
  if (at == std::string_view::npos || end == std::string_view::npos || end < at + 7) return std::string(line);
  const std::optional<int> number = error_number(line.substr(at + 7, end - at - 7));
  if (!number) return std::string(line);
  return std::string(line.substr(0, end)) + " (" + std::strerror(*number) + ")" + std::string(line.substr(end));
}

void copy_lines(int log, std::FILE* to) {
  char buffer[8192];
  for (ssize_t size; !is_ending() && (size = ::read(log, buffer, sizeof buffer)) > 0;) {
    std::string_view lines(buffer, static_cast<std::size_t>(size));
    while (!lines.empty()) {
      const std::size_t end = lines.find('\n');
      std::fprintf(to, "%s\n", with_meaning(lines.substr(0, end)).c_str());
      lines.remove_prefix(std::min(end, lines.size() - 1) + 1);
    }
    if (std::fflush(to) != 0 && errno == EPIPE) return;  // nobody reads it any more
  }
}

void wait_for_end(int log) {
  char buffer[8192];
  while (!is_ending() && ::read(log, buffer, sizeof buffer) > 0) {}
}

struct Row {
  std::string name;
  ContainerCallCount count;
};

// What was called between two readings.
std::vector<Row> rows_between(const std::vector<ContainerCallCount>& before, const std::vector<ContainerCallCount>& after) {
  std::vector<Row> rows;
  for (unsigned place = 0; place < after.size(); ++place) {
    ContainerCallCount count = after[place];
    if (!before.empty()) {
      count.calls -= before[place].calls;
      count.failures -= before[place].failures;
      count.nanoseconds -= before[place].nanoseconds;
    }
    if (count.calls) rows.push_back({name_of_call(place), count});
  }
  std::ranges::sort(rows, std::greater(), [](const Row& row) { return row.count.nanoseconds; });
  return rows;
}

void print_summary(std::FILE* to, const std::vector<Row>& rows) {
  ContainerCallCount total;
  for (const Row& row : rows) {
    total.calls += row.count.calls;
    total.failures += row.count.failures;
    total.nanoseconds += row.count.nanoseconds;
  }
  constexpr const char* rule = "------ ----------- ----------- --------- --------- ----------------\n";
  std::fprintf(to, "%% time     seconds  usecs/call     calls    errors syscall\n%s", rule);
  const auto print = [&](const char* name, const ContainerCallCount& count) {
    const std::string errors = count.failures ? std::to_string(count.failures) : "";
    std::fprintf(to, "%6.2f %11.6f %11llu %9llu %9s %s\n",
                 total.nanoseconds ? 100.0 * static_cast<double>(count.nanoseconds) / static_cast<double>(total.nanoseconds) : 0.0,
                 static_cast<double>(count.nanoseconds) / 1e9,
                 static_cast<unsigned long long>(count.calls ? count.nanoseconds / count.calls / 1000 : 0),
                 static_cast<unsigned long long>(count.calls), errors.c_str(), name);
  };
  for (const Row& row : rows) print(row.name.c_str(), row.count);
  std::fputs(rule, to);
  print("total", total);
}

int open_log(int id, std::uint32_t flags) {
  const int log = open_container_log({id, flags});
  if (log < 0) throw system_failure("the log of container " + std::to_string(id));
  return log;
}

// Until the container is empty or gone, or ^C. Throws Failure.
void trace(const TraceOptions& options) {
  const std::string& container = options.container;
  const ContainerStat stat = find(container);
  const Output output = open_output(options.output);
  const std::uint32_t times = options.times ? ContainerLogOpen::times : 0;
  if (options.past && !options.summary) {
    copy_lines(open_log(stat.id, times), output.get());
    return;
  }
  if (options.past) {
    const auto counts = read_counts(stat.id);
    if (counts.empty()) throw Failure(container + ": its calls are not counted (start it with `box run --learn`)");
    print_summary(output.get(), rows_between({}, counts));
    return;
  }
  end_by_signals();
  const int log = open_log(stat.id, times | ContainerLogOpen::follow | ContainerLogOpen::new_only);
  if (!options.summary) {
    const ContainerLog before = add_to_log(stat.id, ContainerLog::records | ContainerLog::texts);
    copy_lines(log, output.get());
    restore_log(before);
    return;
  }
  const ContainerLog before = add_to_log(stat.id, ContainerLog::counts);
  const auto earlier = (before.what & ContainerLog::counts) ? read_counts(stat.id) : std::vector<ContainerCallCount>();
  wait_for_end(log);
  print_summary(output.get(), rows_between(earlier, read_counts(stat.id)));
  restore_log(before);
}

}  // namespace

void add_trace(CLI::App& box, int&) {
  auto options = std::make_shared<TraceOptions>();
  CLI::App& word = *box.add_subcommand("trace", "show the system calls of a container, as strace does");
  word.add_option("CONTAINER", options->container, "name or id")->required();
  word.add_flag("-c,--summary-only", options->summary, "a table of calls, times and errors at the end");
  word.add_flag("-t", options->times, "say when");
  word.add_flag("--past", options->past, "what has been logged, without following");
  word.add_option("-o,--output", options->output, "to this file");
  word.callback([options] { trace(*options); });
}

}  // namespace cv6::box
