// Level 2: a container's virtual scheduler, which decides in what order the container's threads run. It has one queue for
// all processors, so its order means the same on 1 and on 8.
//
// To add one: write a class like those in the files beside (round_robin.hpp is the shortest) and add its row to the table
// in policy.cpp. A policy is called with the scheduler's lock held: short, no allocation, no lock, no logging. It orders by
// what a Thread keeps for it: `order` and `counted`, which no one else touches while the container keeps the policy.
#pragma once

#include <span>
#include <string_view>

#include "arch/cpu.hpp"
#include "lib/ref.hpp"
#include "lib/units.hpp"

namespace cv6 {

class Thread;

class Policy {
 public:
  // Why a thread comes into the queue.
  enum class Why : std::uint8_t {
    started,     // the first time with this policy: `order` and `counted` are whatever they were
    woken,       // it has waited for something
    slice_over,  // it has used its slice
    yielded,     // it gives the processor to others
    preempted,   // another container needed the processor, or a better thread: it has some of its slice left
    changed,     // it was in the queue; its nice value or its processors have changed
  };

  enum class Preemption : std::uint8_t { never, by_preempts };

  explicit Policy(Preemption preemption = Preemption::never) : may_preempt(preemption == Preemption::by_preempts) {}
  virtual ~Policy() = default;
  virtual void enqueue(Thread& thread, Why why) = 0;
  virtual void remove(Thread& thread) = 0;           // it is in the queue
  // The next that may run on one of `cpus`, out of the queue; null: none.
  virtual Thread* take(arch::CpuSet cpus) = 0;
  // The processors that it has a thread for; 0: the queue is empty.
  virtual arch::CpuSet cpus() const = 0;
  // True: `woken`, which has just been enqueued, should not wait for the end of `running`'s slice.
  // Asked only with Preemption::by_preempts.
  virtual bool preempts(const Thread& woken, const Thread& running) const;

  const bool may_preempt;

  std::uint32_t serial = 0;  // tells policies that follow each other in a container apart; the scheduler's
};

struct PolicyKind {
  std::string_view name;
  // `seed`: what a policy that draws lots begins with. Null: no memory.
  Own<Policy> (*create)(std::uint64_t seed);
};
std::span<const PolicyKind> policy_kinds();           // the first is the default
const PolicyKind* find_policy(std::string_view name);  // null: there is none of that name

// What a nice value is worth where shares follow it: 1024 at 0, each step a factor of 1.25, as is the custom.
struct NiceWeights {
  constexpr NiceWeights() {
    for (int nice = -20; nice < 20; ++nice) {
      std::uint64_t weight = 1024 << 10;
      for (int step = nice; step < 0; ++step) weight = weight * 5 / 4;
      for (int step = nice; step > 0; --step) weight = weight * 4 / 5;
      of[nice + 20] = static_cast<std::uint32_t>(weight >> 10);
    }
  }
  std::uint32_t of[40] = {};
};
inline constexpr NiceWeights nice_weights;
constexpr std::uint32_t weight_of_nice(int nice) { return nice_weights.of[nice + 20]; }
static_assert(weight_of_nice(0) == 1024 && weight_of_nice(-1) == 1280 && weight_of_nice(19) == 14);

}  // namespace cv6
