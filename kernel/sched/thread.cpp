#include "sched/thread.hpp"

#include "arch/clock.hpp"
#include "mm/frame.hpp"
#include "sched/scheduler.hpp"
#include "sync/per_cpu.hpp"

namespace cv6 {

namespace {

constexpr unsigned stack_order = 2;
static_assert(Thread::stack_size == page_size << stack_order);

// Stacks of threads that are gone, kept for the next ones: a fork costs no trip to the allocator. Linked through their
// first word.
struct StackCache {
  static constexpr unsigned capacity = 16;
  void* first = nullptr;
  unsigned count = 0;
};
constinit PerCpu<StackCache> stack_caches;

#ifdef CV6_DEBUG
// At the far end of each stack: gone, if the stack overflowed.
constexpr std::uint64_t canary = 0x5ac4e0f1157ac4e0;
std::uint64_t& canary_of(void* stack) { return *static_cast<std::uint64_t*>(stack); }
#endif

Result<void*> take_stack() {
  StackCache& cache = stack_caches.here();
  void* stack = cache.first;
  if (stack) {
    cache.first = *static_cast<void**>(stack);
    --cache.count;
  } else {
    stack = TRY(frames::take(stack_order, FrameUse::kernel, Fill::garbage))->data();
  }
#ifdef CV6_DEBUG
  canary_of(stack) = canary;
#endif
  return stack;
}

void give_stack(void* stack) {
#ifdef CV6_DEBUG
  if (canary_of(stack) != canary) panic("a kernel stack overflowed");
#endif
  StackCache& cache = stack_caches.here();
  if (cache.count == StackCache::capacity) return frames::give(Frame::of(stack));
  *static_cast<void**>(stack) = cache.first;
  cache.first = stack;
  ++cache.count;
}

}  // namespace

Result<void> Thread::prepare(void (*entry)(void*), void* argument) {
  stack_ = TRY(take_stack());
  entry_ = entry;
  argument_ = argument;
  // Below the user registers, which the entry stubs keep at the top.
  arch::prepare_context(kernel_context_, &user_registers(), &Thread::begin, this);
  return {};
}

Thread::~Thread() {
  if (stack_) give_stack(stack_);
}

VirtualState Thread::virtual_state() const {
  switch (state()) {
    case State::running: return VirtualState::running;
    case State::runnable: return VirtualState::runnable;
    default: return VirtualState::waiting;
  }
}

Nanoseconds Thread::cpu_time() const {
  const Nanoseconds accounted = cpu_time_.load(std::memory_order_relaxed);
  if (state() != State::running) return accounted;
  const Nanoseconds since = arch::monotonic_now() - accounted_until_.load(std::memory_order_relaxed);
  return accounted + (since > 0 ? since : 0);
}

void Thread::interrupt() {
  // Before the looks at its state in wake() and at whether it is stopped: whoever parks or is stopped says so first and
  // looks at this then.
  interrupted_.store(true, std::memory_order_seq_cst);
  if (this == &sched::current()) return;
  sched::wake(*this);
  if (held_.load(std::memory_order_seq_cst)) sched::release_stopped(*this);
}

}  // namespace cv6
