#include "boot/self_check.hpp"

#include <atomic>

#include "arch/clock.hpp"
#include "dev/port.hpp"
#include "mm/frame.hpp"
#include "sched/scheduler.hpp"
#include "sched/timer.hpp"
#include "sync/log.hpp"

namespace cv6 {

namespace {

constexpr unsigned worker_count = 8;
constexpr unsigned rounds = 1000;

class CheckThread final : public Thread {
 public:
  explicit CheckThread(SchedContext& context) : Thread(context) {}
};

// A token goes round all workers; each waits for its turn.
WaitQueue turn_changed;
std::atomic<unsigned> turn{0};
std::atomic<unsigned> finished{0};
std::atomic<arch::CpuSet> cpus_used{0};

void work(void* argument) {
  const auto self = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(argument));
  for (unsigned round = 0; round < rounds; ++round) {
    (void)turn_changed.wait([&] { return turn.load() % worker_count == self; }, Wait::uninterruptible);
    cpus_used.fetch_or(arch::cpu_bit(arch::cpu_index()));
    turn.fetch_add(1);
    turn_changed.wake_all();
    sched::maybe_yield();
  }
  finished.fetch_add(1);
  turn_changed.wake_all();
}

void echo_console(Port& port) {
  char text[64];
  const Result<std::size_t> size = port.read(text);
  if (size && *size) log(LogLevel::info, "console says: {}", std::string_view(text, *size));
  const std::string_view greeting = "cv6: the self-check writes to the console\r\n";
  if (!port.write(greeting)) log(LogLevel::error, "the console takes nothing");
  port.drain();
}

void report(void*) {
  (void)turn_changed.wait([] { return finished.load() == worker_count; }, Wait::uninterruptible);
  log(LogLevel::info, "{} turns, processors used {:x} of {}, {} switches", turn.load(), cpus_used.load(),
      arch::cpu_count(), sched::context_switches());

  const Nanoseconds before = arch::monotonic_now();
  WaitQueue nobody;
  (void)nobody.wait([] { return false; }, Wait::uninterruptible, before + 50 * nanoseconds_per_millisecond);
  log(LogLevel::info, "50 ms took {} us", (arch::monotonic_now() - before) / 1000);

  ports::for_each([](Port& port, void*) { log(LogLevel::info, "port {}{}", port.name(), port.is_console() ? " (console)" : ""); },
                  nullptr);
  if (Port* console = ports::console()) echo_console(*console);
  const frames::Counts counts = frames::counts();
  log(LogLevel::info, "{} of {} frames free", counts.free, counts.total);
  log(LogLevel::info, "self-check done");
  arch::power_off(arch::PowerOff::normal);
}

void start(SchedContext& context, void (*entry)(void*), std::uintptr_t argument) {
  Result<Ref<CheckThread>> thread = make<CheckThread>(context);
  if (!thread || !(*thread)->prepare(entry, reinterpret_cast<void*>(argument))) panic("no memory for the self-check");
  sched::start(**thread);
}

}  // namespace

void start_self_check() {
  Result<Own<SchedContext>> context = SchedContext::create();
  if (!context) panic("no memory for the self-check");
  SchedContext& forever = *context->release();
  for (unsigned i = 0; i < worker_count; ++i) start(forever, work, i);
  start(forever, report, 0);
}

}  // namespace cv6
