#include "sched/policy.hpp"

#include "sched/fair.hpp"
#include "sched/fifo.hpp"
#include "sched/lottery.hpp"
#include "sched/priority.hpp"
#include "sched/round_robin.hpp"

namespace cv6 {

namespace {

template <class T>
Own<Policy> create(std::uint64_t seed) {
  if constexpr (std::is_constructible_v<T, std::uint64_t>)
    return Own<Policy>(new (std::nothrow) T(seed));
  else
    return Own<Policy>(new (std::nothrow) T());
}

constexpr PolicyKind kinds[] = {
    {"round-robin", create<RoundRobin>},
    {"fair", create<Fair>},
    {"priority", create<Priority>},
    {"lottery", create<Lottery>},
    {"fifo", create<Fifo>},
};

}  // namespace

bool Policy::preempts(const Thread&, const Thread&) const { return false; }

std::span<const PolicyKind> policy_kinds() { return kinds; }

const PolicyKind* find_policy(std::string_view name) {
  for (const PolicyKind& kind : kinds)
    if (kind.name == name) return &kind;
  return nullptr;
}

}  // namespace cv6
