#include "sync/jitter.hpp"

#ifdef CV6_DEBUG
#include "lib/random.hpp"
#include "sync/per_cpu.hpp"

namespace cv6::jitter {

namespace {

constexpr unsigned locks_per_pause = 64, waits_per_yield = 8;
constexpr unsigned longest_pause = 20'000;  // turns of an empty loop

constinit std::uint32_t first_state = 0;
constinit PerCpu<std::uint32_t> states;

// Each processor has its own numbers; 0: no jitter.
std::uint32_t random() {
  if (first_state == 0) return 0;
  std::uint32_t& state = states.here();
  if (state == 0) state = first_state * (2 * arch::cpu_index() + 1);
  return next_random(state);
}

}  // namespace

void start(std::uint32_t seed) { first_state = seed; }

void stand_still() {
  const std::uint32_t chance = random();
  if (chance == 0 || chance % locks_per_pause != 0) return;
  for (unsigned turns = chance / locks_per_pause % longest_pause; turns > 0; --turns) asm volatile("");
}

bool wants_to_yield() {
  const std::uint32_t chance = random();
  return chance != 0 && chance % waits_per_yield == 0;
}

}  // namespace cv6::jitter
#endif
