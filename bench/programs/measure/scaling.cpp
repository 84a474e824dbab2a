// Several processors doing the same at once: a process on each, which is bound to it.
//
// A batch lasts until the last of them is done, and the instructions of all processors count. Where nothing is shared, or it
// is shared well, an operation costs the same on any number of processors. The emulator runs the processors in turns;
// after each operation a processor gives its turn away, so that they come to the kernel one between the other.
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "containers.hpp"
#include "harness.hpp"
#include "resources.hpp"

namespace cv6::bench {
namespace {

constexpr unsigned batches = 5;

/// Between the measuring process and a worker: a byte for each batch to do, and one for each that is done.
class Worker {
 public:
  /// Starts one on the given processor. It prepares itself by `prepare(number)`, which gives the operation, and does it so
  /// often in each batch.
  template <typename Prepare>
  static std::expected<Worker, Failure> start(unsigned number, unsigned operations, const Prepare& prepare) {
    const auto work = [&](const File& orders, const File& reports) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(number, &one);
      if (::sched_setaffinity(0, sizeof one, &one) != 0) return;
      auto operation = prepare(number);
      char order = 0;
      do {
        if (::write(reports.descriptor(), &order, 1) != 1) return;
        if (::read(orders.descriptor(), &order, 1) != 1) return;
        for (unsigned i = 0; i < operations; ++i) {
          if (!operation()) return;
          __builtin_ia32_pause();
        }
      } while (true);
    };
    return PipePartner::start(work).transform([](PipePartner partner) { return Worker{std::move(partner)}; });
  }

  [[nodiscard]] bool begin() const { return ::write(partner_.there().descriptor(), "", 1) == 1; }
  /// Until the batch, or the preparation, is done. False if it failed.
  [[nodiscard]] bool finish() const {
    char report;
    return ::read(partner_.back().descriptor(), &report, 1) == 1;
  }

 private:
  explicit Worker(PipePartner partner) : partner_(std::move(partner)) {}

  PipePartner partner_;
};

template <typename Prepare>
Cost at_once(unsigned processors, unsigned operations, const Prepare& prepare) {
  std::vector<Worker> workers;
  for (unsigned i = 0; i < processors; ++i) {
    auto worker = Worker::start(i, operations, prepare);
    if (!worker) return std::unexpected{worker.error()};
    if (!worker->finish()) return failed("sched_setaffinity or preparation", 0);
    workers.push_back(std::move(*worker));
  }
  return cheapest_batch({.operations = processors * operations, .batches = batches}, [&] -> std::expected<Ticks, Failure> {
    const Stopwatch watch;
    for (const Worker& worker : workers)
      if (!worker.begin()) return failed("write");
    for (const Worker& worker : workers)
      if (!worker.finish()) return failed("operation", 0);
    return watch.stop();
  });
}

Cost null_call(unsigned processors) {
  return at_once(processors, 10'000, [](unsigned) { return [] { return ::getppid() >= 0; }; });
}

Cost open_close(unsigned processors) {
  return at_once(processors, 2000, [](unsigned number) {
    const std::string path = "/tmp/own-" + std::to_string(number);
    (void)File::open(path.c_str(), O_RDWR | O_CREAT);
    return [path] { return open_and_close(path.c_str()).has_value(); };
  });
}

Cost stat_same(unsigned processors) {
  return at_once(processors, 4000, [](unsigned) {
    (void)File::open("/tmp/same", O_RDWR | O_CREAT);
    return [] {
      struct stat status;
      return ::stat("/tmp/same", &status) == 0;
    };
  });
}

Cost create_unlink(unsigned processors) {
  return at_once(processors, 500, [](unsigned number) {
    const std::string path = "/tmp/made-" + std::to_string(number);
    return [path] { return File::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY) && ::unlink(path.c_str()) == 0; };
  });
}

/// A page at a time; each mapping of 1 MB is made and removed within the batch.
Cost page_fault(unsigned processors) {
  return at_once(processors, 8 * FreshPages::pages, [](unsigned) {
    return [fresh = std::expected<FreshPages, Failure>{FreshPages::map()}, next = std::size_t{0}] mutable {
      if (next == FreshPages::pages) {
        fresh = FreshPages::map();
        next = 0;
      }
      if (!fresh) return false;
      *static_cast<volatile std::byte*>(fresh->begin() + next++ * FreshPages::page_size) = std::byte{1};
      return true;
    };
  });
}

Cost fork_wait(unsigned processors) {
  return at_once(processors, 40, [](unsigned) { return [] { return fork_and_reap().has_value(); }; });
}

Cost thread_join(unsigned processors) {
  return at_once(processors, 100, [](unsigned) { return [] { return create_and_join().has_value(); }; });
}

/// With a process on the same processor that sends back what it gets.
Cost pipe_round_trip(unsigned processors) {
  return at_once(processors, 500, [](unsigned) { return [partner = PipePartner::start_echo()] {
    return partner && partner->round_trip().has_value();
  }; });
}

Cost container(unsigned processors) {
  return at_once(processors, 10, [](unsigned) { return [] { return create_and_destroy().has_value(); }; });
}

constexpr auto benchmarks = std::to_array<SeriesBenchmark>({
    {series("at_once_null_call"), null_call},
    {series("at_once_open_close"), open_close},
    {series("at_once_stat"), stat_same},
    {series("at_once_create_unlink"), create_unlink},
    {series("at_once_page_fault"), page_fault},
    {series("at_once_fork_wait"), fork_wait},
    {series("at_once_thread_join"), thread_join},
    {series("at_once_pipe_round_trip"), pipe_round_trip},
    {series("at_once_container"), container},
});

}  // namespace

std::span<const SeriesBenchmark> scaling_benchmarks() { return benchmarks; }

}  // namespace cv6::bench
