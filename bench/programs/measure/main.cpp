// measure [--list | --only NAME[,NAME]...]: measures what the kernel beneath it costs, and prints one line per metric.
//
//   null_call 326 2000        guest instructions per operation, the least of several batches, rounded; operations in a batch
//   signal failed: tgkill: Function not implemented
//   among_files/100 1619 250  a series in one of its sizes
//   done 15                   the last line: so many metrics were tried
//
// A line's name is written before the measurement starts: output that ends in the middle of one tells which metric the
// system did not survive. Exit status: 0 if every metric could be measured, 1 if one failed, 2 for a usage error.
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "harness.hpp"

namespace cv6::bench {
namespace {

/// Whether `name` is one of the names in `list`, which commas separate. An empty list holds every name.
bool listed(std::string_view list, std::string_view name) {
  if (list.empty()) return true;
  for (;;) {
    const std::size_t comma = list.find(',');
    if (list.substr(0, comma) == name) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

template <typename Visit>
void for_each_benchmark(Visit&& visit) {
  for (auto theme : {call_benchmarks(), gate_benchmarks(), process_benchmarks(), waiting_benchmarks(), name_benchmarks(),
                     data_benchmarks(), memory_benchmarks(), program_benchmarks(), container_benchmarks()}) {
    for (const Benchmark& benchmark : theme) visit(benchmark);
  }
}

/// `visit(name, run)` for each that is to be measured: the metrics, and the series in all their sizes.
template <typename Visit>
void for_each_name(Visit&& visit) {
  for_each_benchmark([&](const Benchmark& benchmark) { visit(benchmark.metric.name, [&] { return benchmark.run(); }); });
  for (auto theme : {growth_benchmarks(), scaling_benchmarks()}) {
    for (const SeriesBenchmark& benchmark : theme) {
      for (unsigned size : sizes_of(benchmark.series.along)) {
        visit(name_of(benchmark.series, size), [&] { return benchmark.run(size); });
      }
    }
  }
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int list() {
  for_each_name([](std::string_view name, auto&&) {
    print(name);
    print("\n");
  });
  return 0;
}

/// Whether the metric could be measured; what follows its name is printed either way.
bool finish_line(const Cost& cost) {
  if (cost) {
    std::printf(" %ld %u\n", std::lround(cost->ticks), cost->operations);
  } else {
    const Failure& failure = cost.error();
    std::printf(" failed: %s: %s\n", failure.call, failure.error == 0 ? "wrong outcome" : std::strerror(failure.error));
  }
  std::fflush(stdout);
  return cost.has_value();
}

/// The same from a process of its own: what one benchmark leaves behind (a C library that knows of threads takes longer
/// for each call) costs none of the others.
template <typename Run>
bool report(std::string_view name, Run&& run) {
  print(name);
  std::fflush(stdout);
  mark<Marker::metric>();
  const pid_t process = ::fork();
  if (process == -1) return finish_line(failed("fork"));
  if (process == 0) ::_exit(finish_line(run()) ? 0 : 1);
  int status = 0;
  if (::waitpid(process, &status, 0) != process) return finish_line(failed("waitpid"));
  if (WIFSIGNALED(status)) {
    std::printf(" failed: killed by signal %d\n", WTERMSIG(status));
    std::fflush(stdout);
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int measure(std::string_view names) {
  unsigned tried = 0;
  unsigned failures = 0;
  for_each_name([&](std::string_view name, auto&& run) {
    if (!listed(names, name)) return;
    ++tried;
    if (!report(name, run)) ++failures;
  });
  std::printf("done %u\n", tried);
  return failures == 0 ? 0 : 1;
}

int usage() {
  std::fputs("usage: measure [--list | --only NAME[,NAME]...]\n", stderr);
  return 2;
}

}  // namespace
}  // namespace cv6::bench

int main(int count, char** arguments) {
  using namespace cv6::bench;
  using namespace std::literals;
  if (count == 1) return measure({});
  if (count == 2 && arguments[1] == "--list"sv) return list();
  if (count == 3 && arguments[1] == "--only"sv) return measure(arguments[2]);
  return usage();
}
