// How an operation is measured inside the guest.
//
// The clock is the time-stamp counter. Under QEMU's -icount it ticks once per guest instruction, of user and kernel
// alike, so a cost is a count of instructions and repeats to the digit; elsewhere it is cycles, good for a first look.
//
// An operation is repeated in several batches. The batch that took least counts, for nothing but other work (a timer
// tick, a first use that fills a cache) can make one longer. What the loop itself takes is subtracted.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <expected>
#include <limits>
#include <span>

#include "markers.hpp"
#include "metrics.hpp"
#include "series.hpp"

namespace cv6::bench {

/// A call that an operation needs was refused.
struct Failure {
  const char* call;
  int error;  ///< errno value; 0 when the call's outcome was wrong rather than refused
};

using Ticks = std::uint64_t;
using Status = std::expected<void, Failure>;

struct Figure {
  double ticks;         ///< per operation
  unsigned operations;  ///< in a batch, of which the counter knows only the sum
};
using Cost = std::expected<Figure, Failure>;

struct Benchmark {
  const Metric& metric;
  Cost (*run)();
};

struct SeriesBenchmark {
  const Series& series;
  Cost (*run)(unsigned size);
};

/// All benchmarks, by theme; each function is defined in the file of its theme.
std::span<const Benchmark> call_benchmarks();
std::span<const Benchmark> gate_benchmarks();
std::span<const Benchmark> process_benchmarks();
std::span<const Benchmark> waiting_benchmarks();
std::span<const Benchmark> name_benchmarks();
std::span<const Benchmark> data_benchmarks();
std::span<const Benchmark> memory_benchmarks();
std::span<const Benchmark> program_benchmarks();
std::span<const Benchmark> container_benchmarks();
std::span<const SeriesBenchmark> growth_benchmarks();
std::span<const SeriesBenchmark> scaling_benchmarks();

inline std::unexpected<Failure> failed(const char* call, int error = errno) {
  return std::unexpected{Failure{call, error}};
}

inline Ticks now() {
  asm volatile("" ::: "memory");
  const Ticks ticks = __builtin_ia32_rdtsc();
  asm volatile("" ::: "memory");
  return ticks;
}

/// Runs from the start of a batch to stop(). The counter counts what is between them, too (markers.hpp).
class Stopwatch {
 public:
  Stopwatch() {
    mark<Marker::batch_begin>();
    start_ = now();
  }
  [[nodiscard]] Ticks stop() const {
    const Ticks end = now();
    mark<Marker::batch_end>();
    return end - start_;
  }

 private:
  Ticks start_;
};

struct Plan {
  unsigned operations;  ///< in a batch; best well below 4 million instructions, Linux's timer tick
  unsigned batches = 20;
};

/// The cost of the cheapest batch; `batch()` does its own timing, by a Stopwatch, and gives std::expected<Ticks, Failure>.
/// For operations that need preparation which is not to be counted.
template <typename Batch>
Cost cheapest_batch(Plan plan, Batch&& batch) {
  Ticks least = std::numeric_limits<Ticks>::max();
  for (unsigned i = 0; i < plan.batches; ++i) {
    const std::expected<Ticks, Failure> ticks = batch();
    if (!ticks) return std::unexpected{ticks.error()};
    least = std::min(least, *ticks);
  }
  return Figure{.ticks = static_cast<double>(least) / plan.operations, .operations = plan.operations};
}

/// The cost of one `operation()`, which gives a Status; the loop's own share is still in it.
template <typename Operation>
Cost with_loop(Plan plan, Operation&& operation) {
  return cheapest_batch(plan, [&] -> std::expected<Ticks, Failure> {
    const Stopwatch watch;
    for (unsigned i = 0; i < plan.operations; ++i) {
      if (Status done = operation(); !done) return std::unexpected{done.error()};
    }
    return watch.stop();
  });
}

/// The cost of one `operation()`, which gives a Status.
template <typename Operation>
Cost each(Plan plan, Operation&& operation) {
  const Cost loop = with_loop(plan, [] -> Status {
    asm volatile("");
    return {};
  });
  mark<Marker::only_loop>();
  return with_loop(plan, operation).transform([&](Figure cost) {
    cost.ticks -= loop->ticks;
    return cost;
  });
}

}  // namespace cv6::bench
