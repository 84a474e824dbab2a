#include "sched/scheduler.hpp"

#include "arch/clock.hpp"
#include "sched/round_robin.hpp"
#include "sched/timer.hpp"
#include "sync/per_cpu.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

Result<Own<SchedContext>> SchedContext::create() {
  Own<Policy> policy = TRY(make_own<RoundRobin>());
  return make_own<SchedContext>(std::move(policy));
}

// What runs when nothing else does; it never leaves its processor and no policy ever sees it.
class IdleThread final : public Thread {
 public:
  explicit IdleThread(SchedContext& nobody) : Thread(nobody) {}
};

class Scheduler {
 public:
  void start(Thread& thread);
  void wake(Thread& thread);
  enum class Others : std::uint8_t { none, ran };
  Others yield();
  void park(const Event& event, Wait wait);
  [[noreturn]] void exit();
  void move(Thread& thread, SchedContext& to);
  Result<void> initialise_this_cpu();
  [[noreturn]] void idle();
  void on_timer_interrupt();
  bool reschedule_wanted() { return cpus_.here().slice_over; }
  static void begin(Thread& thread);

  unsigned runnable() const { return queued_.load(std::memory_order_relaxed) + running_.load(std::memory_order_relaxed); }
  std::uint64_t switches() const { return switches_.load(std::memory_order_relaxed); }
  sched::CpuTimes times(unsigned cpu);
  sched::LoadAverage load_average();

 private:
  struct Cpu {
    Thread* idle_thread = nullptr;
    Thread* previous = nullptr;  // who ran before the switch that is being finished
    bool slice_over = false;
    Nanoseconds idle_since = 0;
    std::atomic<Nanoseconds> user_time{0}, system_time{0}, idle_time{0};
  };
  enum class Ran : std::uint8_t { user, system };

  void enqueue(Thread& thread, Policy::Why why) REQUIRES(lock_);
  void account(Thread& thread, Nanoseconds now, Ran ran) REQUIRES(lock_);
  Thread& choose(unsigned cpu) REQUIRES(lock_);
  // Another thread runs from here on; comes back, lock released, when this one is chosen again.
  Others switch_away() RELEASE(lock_);
  void finish_switch();
  unsigned claim_idle_cpu(const Thread& thread);
  void update_load(Nanoseconds now);

  SpinLock lock_{Rank::scheduler};
  Tree<SchedContext, &SchedContext::node, SchedContext::ByVirtualTime> ready_ GUARDED_BY(lock_);
  std::uint64_t floor_ GUARDED_BY(lock_) = 0;  // virtual time that everybody ready has reached
  std::atomic<arch::CpuSet> idle_cpus_{0};
  std::atomic<unsigned> queued_{0}, running_{0};
  std::atomic<std::uint64_t> switches_{0};
  PerCpu<Cpu> cpus_;

  static constexpr Nanoseconds load_interval = 5 * nanoseconds_per_second;
  std::atomic<Nanoseconds> next_load_{load_interval};
  std::atomic<std::uint32_t> load_[3] = {};
};

namespace {
constinit Scheduler scheduler;
constexpr unsigned no_cpu = ~0u;
}  // namespace

void Scheduler::account(Thread& thread, Nanoseconds now, Ran ran) {
  Cpu& cpu = cpus_.here();
  const Nanoseconds time = now - thread.accounted_until_.load(std::memory_order_relaxed);
  thread.accounted_until_.store(now, std::memory_order_relaxed);
  thread.cpu_time_.store(thread.cpu_time_.load(std::memory_order_relaxed) + time, std::memory_order_relaxed);
  auto& mode_time = ran == Ran::user ? cpu.user_time : cpu.system_time;
  mode_time.store(mode_time.load(std::memory_order_relaxed) + time, std::memory_order_relaxed);

  SchedContext& context = *thread.context_;
  context.cpu_time_.store(context.cpu_time_.load(std::memory_order_relaxed) + time, std::memory_order_relaxed);
  const std::uint64_t advanced =
      context.virtual_time_ + static_cast<std::uint64_t>(time) * SchedContext::default_weight / context.weight_;
  const SchedContext* behind = context.node.linked() ? ready_.next(context) : nullptr;
  const bool overtaken = behind && behind->virtual_time_ < advanced;
  if (overtaken) ready_.remove(context);
  context.virtual_time_ = advanced;
  if (overtaken) ready_.insert(context);
}

void Scheduler::enqueue(Thread& thread, Policy::Why why) {
  SchedContext& context = *thread.context_;
  thread.state_.store(Thread::State::runnable, std::memory_order_release);
  context.policy_->enqueue(thread, why);
  queued_.fetch_add(1, std::memory_order_relaxed);
  if (context.node.linked()) return;
  // One that had nothing to run has not saved up its share for later.
  if (context.running_ == 0 && context.virtual_time_ < floor_) context.virtual_time_ = floor_;
  ready_.insert(context);
}

Thread& Scheduler::choose(unsigned cpu) {
  for (SchedContext& context : ready_) {
    Thread* thread = context.policy_->take(cpu);
    if (!thread) continue;  // none of its threads may run here
    if (context.virtual_time_ > floor_) floor_ = context.virtual_time_;
    if (context.policy_->empty()) ready_.remove(context);
    queued_.fetch_sub(1, std::memory_order_relaxed);
    return *thread;
  }
  return *cpus_.here().idle_thread;
}

Scheduler::Others Scheduler::switch_away() NO_THREAD_SAFETY_ANALYSIS {
  const unsigned index = arch::cpu_index();
  Cpu& cpu = cpus_.here();
  Thread& from = sched::current();
  const Nanoseconds now = arch::monotonic_now();
  if (&from != cpu.idle_thread) {
    account(from, now, Ran::system);
    --from.context_->running_;
    running_.fetch_sub(1, std::memory_order_relaxed);
  } else {
    cpu.idle_time.store(cpu.idle_time.load(std::memory_order_relaxed) + now - cpu.idle_since, std::memory_order_relaxed);
  }

  Thread& to = choose(index);
  cpu.slice_over = false;
  to.state_.store(Thread::State::running, std::memory_order_release);
  to.cpu_ = index;
  if (&to != cpu.idle_thread) {
    ++to.context_->running_;
    running_.fetch_add(1, std::memory_order_relaxed);
    to.accounted_until_.store(now, std::memory_order_relaxed);
    to.slice_end_ = now + sched::slice;
    Timer::wake_processor_by(to.slice_end_);
  } else {
    cpu.idle_since = now;
  }
  if (&to == &from) {
    lock_.unlock();
    return Others::none;
  }
  if (&from == cpu.idle_thread) idle_cpus_.fetch_and(~arch::cpu_bit(index), std::memory_order_seq_cst);
  switches_.fetch_add(1, std::memory_order_relaxed);
  from.leaving_cpu();
  cpu.previous = &from;
  arch::set_current_thread(&to);
  if (to.stack_) arch::set_kernel_stack(to.stack_top());
  arch::switch_context(from.kernel_context_, to.kernel_context_);
  finish_switch();  // on whatever processor this thread was chosen again
  return Others::ran;
}

// The first thing that a thread does when it is on the processor (again): what the one before it could not do itself.
void Scheduler::finish_switch() NO_THREAD_SAFETY_ANALYSIS {
  Thread* previous = cpus_.here().previous;
  const bool gone = previous->state() == Thread::State::dead;  // if not, it may be run, and end, from here on
  lock_.unlock();
  sched::current().entering_cpu();
  if (gone) previous->release();
}

void Scheduler::begin(Thread& thread) {
  scheduler.finish_switch();
  thread.entry_(thread.argument_);
  sched::exit();
}

void Thread::begin(void* thread) { Scheduler::begin(*static_cast<Thread*>(thread)); }

unsigned Scheduler::claim_idle_cpu(const Thread& thread) {
  arch::CpuSet candidates = idle_cpus_.load(std::memory_order_seq_cst) & thread.affinity();
  while (candidates) {
    const arch::CpuSet last = arch::cpu_bit(thread.cpu_);
    const arch::CpuSet chosen = candidates & last ? last : candidates & -candidates;
    if (idle_cpus_.fetch_and(~chosen, std::memory_order_seq_cst) & chosen)
      return static_cast<unsigned>(__builtin_ctzll(chosen));
    candidates &= ~chosen;
  }
  return no_cpu;
}

void Scheduler::wake(Thread& thread) {
  {
    SpinGuard guard(lock_);
    if (thread.state() != Thread::State::parked) return;
    enqueue(thread, Policy::Why::woken);
  }
  const unsigned cpu = claim_idle_cpu(thread);
  if (cpu != no_cpu && cpu != arch::cpu_index()) arch::send_wakeup(cpu);
}

void Scheduler::start(Thread& thread) {
  thread.hold();  // until it is dead and off its stack
  {
    SpinGuard guard(lock_);
    enqueue(thread, Policy::Why::woken);
  }
  const unsigned cpu = claim_idle_cpu(thread);
  if (cpu != no_cpu && cpu != arch::cpu_index()) arch::send_wakeup(cpu);
}

Scheduler::Others Scheduler::yield() {
  assert_no_spin_lock_held();
  lock_.lock();
  Thread& self = sched::current();
  const bool over = cpus_.here().slice_over;
  if (&self != cpus_.here().idle_thread) enqueue(self, over ? Policy::Why::slice_over : Policy::Why::yielded);
  if (!(self.affinity() & arch::cpu_bit(arch::cpu_index()))) {
    // It may not run here any more: one that sleeps and may run it must be told.
    const unsigned elsewhere = claim_idle_cpu(self);
    if (elsewhere != no_cpu) arch::send_wakeup(elsewhere);
  }
  return switch_away();
}

void Scheduler::park(const Event& event, Wait wait) {
  assert_no_spin_lock_held();
  lock_.lock();
  Thread& self = sched::current();
  if (event.raised() || (wait == Wait::interruptible && self.interrupted())) {
    lock_.unlock();
    return;
  }
  self.state_.store(Thread::State::parked, std::memory_order_release);
  switch_away();
}

void Scheduler::exit() {
  assert_no_spin_lock_held();
  lock_.lock();
  sched::current().state_.store(Thread::State::dead, std::memory_order_release);
  switch_away();
  panic("a dead thread runs");
}

void Scheduler::move(Thread& thread, SchedContext& to) {
  SpinGuard guard(lock_);
  SchedContext& old = *thread.context_;
  if (&old == &to) return;
  switch (thread.state()) {
    case Thread::State::running:
      account(thread, arch::monotonic_now(), Ran::system);
      --old.running_;
      ++to.running_;
      thread.context_ = &to;
      break;
    case Thread::State::runnable:
      old.policy_->remove(thread);
      queued_.fetch_sub(1, std::memory_order_relaxed);
      if (old.policy_->empty()) ready_.remove(old);
      thread.context_ = &to;
      enqueue(thread, Policy::Why::woken);
      break;
    default: thread.context_ = &to;
  }
}

Result<void> Scheduler::initialise_this_cpu() {
  static constinit SchedContext* nobody = nullptr;
  if (!nobody) nobody = TRY(SchedContext::create()).release();
  Ref<IdleThread> thread = TRY(make<IdleThread>(*nobody));
  Cpu& cpu = cpus_.here();
  thread->state_.store(Thread::State::running, std::memory_order_release);
  thread->cpu_ = arch::cpu_index();
  cpu.idle_since = arch::monotonic_now();
  cpu.idle_thread = thread.leak();
  arch::set_current_thread(cpu.idle_thread);
  return {};
}

void Scheduler::idle() {
  const arch::CpuSet self = arch::cpu_bit(arch::cpu_index());
  while (true) {
    idle_cpus_.fetch_or(self, std::memory_order_seq_cst);
    // seq_cst: who enqueues after this look sees the bit and sends a wake-up, which ends the wait below.
    if (queued_.load(std::memory_order_seq_cst) != 0 && yield() == Others::ran) continue;
    arch::wait_for_interrupt();
  }
}

void Scheduler::on_timer_interrupt() {
  const Nanoseconds now = arch::monotonic_now();
  Timer::run_due(now);
  update_load(now);
  Thread& self = sched::current();
  Cpu& cpu = cpus_.here();
  if (&self == cpu.idle_thread) return;
  {
    SpinGuard guard(lock_);
    account(self, now, Ran::user);  // interrupts are on in user mode only
  }
  if (now >= self.slice_end_) {
    cpu.slice_over = queued_.load(std::memory_order_relaxed) != 0;
    self.slice_end_ = now + sched::slice;
  }
  Timer::wake_processor_by(self.slice_end_);
}

sched::CpuTimes Scheduler::times(unsigned index) {
  Cpu& cpu = cpus_.of(index);
  const bool idle = idle_cpus_.load(std::memory_order_relaxed) & arch::cpu_bit(index);
  return {cpu.user_time.load(std::memory_order_relaxed), cpu.system_time.load(std::memory_order_relaxed),
          cpu.idle_time.load(std::memory_order_relaxed) + (idle ? arch::monotonic_now() - cpu.idle_since : 0)};
}

// Exponentially damped averages over 1, 5 and 15 minutes, as proc(5) describes loadavg; fixed point with 11 bits.
void Scheduler::update_load(Nanoseconds now) {
  static constexpr std::uint32_t decay[3] = {1884, 2014, 2037};  // 2048 / e^(5 s / 1, 5, 15 min)
  while (true) {
    Nanoseconds due = next_load_.load(std::memory_order_relaxed);
    if (now < due) return;
    if (!next_load_.compare_exchange_strong(due, due + load_interval, std::memory_order_relaxed)) continue;
    // Intervals that went by asleep had nothing to run.
    const std::uint32_t active = now - due < load_interval ? runnable() * 2048 : 0;
    for (int i = 0; i < 3; ++i) {
      const std::uint32_t old = load_[i].load(std::memory_order_relaxed);
      load_[i].store((old * decay[i] + active * (2048 - decay[i])) / 2048, std::memory_order_relaxed);
    }
  }
}

sched::LoadAverage Scheduler::load_average() {
  update_load(arch::monotonic_now());
  return {load_[0].load(std::memory_order_relaxed), load_[1].load(std::memory_order_relaxed),
          load_[2].load(std::memory_order_relaxed)};
}

namespace sched {

Result<void> initialise_this_cpu() { return scheduler.initialise_this_cpu(); }
void idle() { scheduler.idle(); }
void start(Thread& thread) { scheduler.start(thread); }
void wake(Thread& thread) { scheduler.wake(thread); }
void yield() { (void)scheduler.yield(); }
void exit() { scheduler.exit(); }
void move(Thread& thread, SchedContext& to) { scheduler.move(thread, to); }
void park(const Event& event, Wait wait) { scheduler.park(event, wait); }
bool reschedule_wanted() { return scheduler.reschedule_wanted(); }
void on_timer_interrupt() { scheduler.on_timer_interrupt(); }
CpuTimes cpu_times(unsigned cpu) { return scheduler.times(cpu); }
unsigned runnable_threads() { return scheduler.runnable(); }
std::uint64_t context_switches() { return scheduler.switches(); }
LoadAverage load_average() { return scheduler.load_average(); }

void maybe_yield() {
  assert_no_spin_lock_held();
  arch::interrupt_window();
  if (reschedule_wanted()) yield();
}

}  // namespace sched
}  // namespace cv6
