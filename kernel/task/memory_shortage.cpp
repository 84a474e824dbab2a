#include "task/memory_shortage.hpp"

#include "arch/clock.hpp"
#include "lib/format.hpp"
#include "sched/mutex.hpp"
#include "sync/log.hpp"
#include "task/container_console.hpp"
#include "task/exit.hpp"
#include "task/process_tree.hpp"

namespace cv6 {

namespace {

constexpr Nanoseconds patience = 100'000'000;  // with locks held

constinit Mutex choosing;
constinit WaitQueue memory_freed;

// What processors keep at hand counts as free, but not every processor can have it.
bool machine_has_memory() { return frames::counts().free > std::uint64_t{128} * arch::cpu_count(); }

// The caller's container, or the one above it, whose limit leaves nothing to take. Null: none.
Container* container_at_limit(Process& process) {
  const GuestMemory* full = process.container().memory().level_at_limit();
  for (Container* at = &process.container(); full && at; at = at->parent())
    if (&at->memory() == full) return at;
  return nullptr;
}

bool can_run(Process& process) {
  const Ref<Container> home = process.hold_container();
  for (Container* at = home.get(); at; at = at->parent())
    if (at->sched_context().frozen()) return false;
  return true;
}

// The process with the most memory in the container and below; one that is ending already comes before all. Null: none. Its
// memory is not held: if it ends while the others are looked at, that must go.
Ref<Process> choose_victim(Container& container) {
  Ref<Process> victim;
  std::uint64_t most = 0;
  for (int at = 0; Ref<Process> process = next_process(container, at);) {
    const Ref<AddressSpace> space = process->hold_address_space();
    if (!space || !can_run(*process)) continue;
    if (process->ending()) return process;
    const std::uint64_t pages = space->resident_pages();
    if (victim && pages <= most) continue;
    victim = std::move(process);
    most = pages;
  }
  return victim;
}

void end_for_memory(Process& process, Container& full) {
  if (full.may_log())
    log(LogLevel::notice, "pid {} {}: killed, container {} is out of memory", process.pid()->number(), process.shown_name(),
        full.id());
  process.ended_for_memory.store(true, std::memory_order_relaxed);
  kill_process(process);
}

// All that use this memory, else nobody's end sets it free.
void end_users_of(const Ref<AddressSpace>& space, Container& full) {
  for (int at = 0; Ref<Process> process = next_process(full, at);)
    if (process->hold_address_space() == space.get() && !process->ending()) end_for_memory(*process, full);
}

// The walk that chose the victim has given way: meanwhile another one may have been chosen, or memory been freed. False: so
// it is. The mutex is not held for walks, in which a container with little time would keep all others from it.
bool end_victim(Process& victim, Container& full, std::uint64_t victims_before, Process& process) {
  const Ref<AddressSpace> space = victim.hold_address_space();
  constexpr std::uint32_t of_one_process = 2;  // its own reference, and this one
  bool shared;
  {
    MutexGuard guard(choosing);
    if (full.memory().counters().victims != victims_before || container_at_limit(process) != &full) return false;
    if (!space || victim.ending()) return true;
    full.memory().note_victim();
    shared = space->references() > of_one_process;
    end_for_memory(victim, full);
  }
  if (shared) end_users_of(space, full);
  return true;
}

// Null: there is nobody to wait for any more. Error::nomem: nobody of the container can be ended.
Result<Ref<Process>> find_victim(Process& process) {
  while (Container* full = container_at_limit(process)) {
    const std::uint64_t victims_before = full->memory().counters().victims;
    Ref<Process> victim = choose_victim(*full);
    if (!victim) return Error::nomem;
    if (victim->ending() || end_victim(*victim, *full, victims_before, process)) return victim;
  }
  return Ref<Process>();
}

ShortageOutcome end_self(Process& process) {
  if (!process.ending()) end_for_memory(process, process.container());
  return ShortageOutcome::ended;
}

}  // namespace

ShortageOutcome settle_shortage(UserThread& thread, FaultPlace place) {
  Process& process = thread.process();
  if (process.ending()) return ShortageOutcome::ended;
  if (!container_at_limit(process)) {
    if (!machine_has_memory()) return end_self(process);
    return ShortageOutcome::no_limit;
  }
  const auto victim = find_victim(process);
  if (!victim) return end_self(process);
  if (!*victim) return ShortageOutcome::again;
  if (*victim == &process) return ShortageOutcome::ended;
  const auto gone = memory_freed.wait([&] { return (*victim)->state() != Process::State::alive; }, Wait::interruptible,
                                      arch::monotonic_now() + patience);
  if (process.ending()) return ShortageOutcome::ended;
  if (!gone && place == FaultPlace::kernel) return end_self(process);
  return ShortageOutcome::again;
}

ShortageReport::ShortageReport(Process& process) : wanted_(process.ended_for_memory.load(std::memory_order_relaxed)) {
  if (wanted_) substitute_ = find_substitute_console();
}

void ShortageReport::print(Process& process) {
  if (!wanted_) return;
  char line[128];
  print_on_console(process.container(), substitute_.get(),
                   format_to(line, "Out of memory in container with ID {}: process {} ({}) killed\n",
                             process.container().id(), process.number(), process.shown_name()));
  substitute_ = {};
}

void note_memory_freed() { memory_freed.wake_all(); }

}  // namespace cv6
