// Numbers that look random, for what need not be unpredictable.
#pragma once

#include <cstdint>

namespace cv6 {

// What strangers who choose the keys must not foresee begins with this. Chosen at boot, before there are any.
inline constinit std::uint32_t boot_secret = 2463534242u;

// xorshift32 (Marsaglia, 2003): the next state, which is also the number; never 0 if `state` was not.
constexpr std::uint32_t next_random(std::uint32_t& state) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

}  // namespace cv6
