#include "mm/allocation_failures.hpp"

#ifdef CV6_DEBUG
#include "lib/random.hpp"
#include "sync/per_cpu.hpp"

namespace cv6::allocation_failures {

namespace {
constinit PerCpu<Plan*> plans;
}  // namespace

Plan::Plan() {
  Plan* const parent = plans.here();
  if (!parent) return;
  one_in_.store(parent->one_in(), std::memory_order_relaxed);
  state_ = parent->random();
}

std::uint32_t Plan::random() { return next_random(state_); }

bool Plan::should_fail() {
  if (const std::uint64_t left = remaining(); left != 0) {
    fail_nth(left - 1);
    if (left == 1) return true;
  }
  const std::uint32_t n = one_in();
  return n != 0 && random() % n == 0;
}

void set(Plan* plan) { plans.here() = plan; }

bool should_fail() {
  Plan* const plan = plans.here();
  return plan && plan->should_fail();
}

#ifdef CV6_HOST
namespace {
Plan& plan_of_tests() {
  static Plan plan;
  return plan;
}
}  // namespace

void fail_nth(std::uint64_t n) {
  plan_of_tests().fail_nth(n);
  set(&plan_of_tests());
}

bool happened() { return plan_of_tests().remaining() == 0; }
#endif

}  // namespace cv6::allocation_failures
#endif
