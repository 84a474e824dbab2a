// The start-up order. The architecture has come here from the loader (arch/x86_64/boot.S, start.cpp): one processor runs,
// on its own stack, with its final page table, interrupts off.
#include "arch/clock.hpp"
#include "arch/machine.hpp"
#include "boot/options.hpp"
#include "boot/self_check.hpp"
#include "boot/user_space.hpp"
#include "dev/devices.hpp"
#include "mm/frame.hpp"
#include "sched/scheduler.hpp"
#include "sync/jitter.hpp"
#include "sync/log.hpp"

extern "C" {
using Constructor = void (*)();
extern const Constructor constructors_start[], constructors_end[];
}

namespace cv6 {

namespace {

// What the user can do something about is said in a line, the log's last, and ends the machine.
[[noreturn]] void give_up(std::string_view why) {
  log(LogLevel::error, "cannot start: {}", why);
  arch::power_off(arch::PowerOff::panic);
}

void run_constructors() {
  for (const Constructor* constructor = constructors_start; constructor != constructors_end; ++constructor)
    (*constructor)();
}

void start_memory() {
  static_assert(sizeof(frames::Range) == sizeof(arch::MemoryRange));
  const auto as_ranges = [](std::span<const arch::MemoryRange> ranges) {
    return reinterpret_cast<const frames::Range*>(ranges.data());
  };
  const auto usable = arch::usable_memory();
  const auto reserved = arch::reserved_memory();
  if (!frames::initialise(as_ranges(usable), static_cast<unsigned>(usable.size()), as_ranges(reserved),
                          static_cast<unsigned>(reserved.size())))
    give_up("too little memory");
  const frames::Counts counts = frames::counts();
  log(LogLevel::info, "memory: {} KiB, {} KiB free", counts.total * (page_size / 1024), counts.free * (page_size / 1024));
}

void start_scheduler() {
  if (!sched::initialise_this_cpu()) give_up("too little memory for the scheduler");
}

void* take_processor_memory(std::size_t bytes) {
  unsigned order = 0;
  while (page_size << order < bytes) ++order;
  const Result<Frame*> block = frames::take(order, FrameUse::kernel, Fill::zero);
  return block ? (*block)->data() : nullptr;
}

// What the other processors do, and the first one when it has started everything.
[[noreturn]] void run_processor() { sched::idle(); }

void run_other_processor() {
  start_scheduler();
  run_processor();
}

void start_processors() {
  arch::start_other_cpus(take_processor_memory, run_other_processor);
  log(LogLevel::info, "{} processor{}", arch::cpu_count(), arch::cpu_count() == 1 ? "" : "s");
}

}  // namespace
}  // namespace cv6

[[noreturn]] void kmain() {
  using namespace cv6;
  run_constructors();
  set_log_device(arch::write_log_device);
  log(LogLevel::info, "cv6");
  const Options options = read_options(arch::command_line());
  jitter::start(options.jitter_seed);
  start_memory();
  start_scheduler();
  start_devices();
  start_processors();
  if (options.self_check)
    start_self_check();
  else if (!start_user_space(options))
    arch::power_off(arch::PowerOff::panic);  // it has said why
  run_processor();
}
