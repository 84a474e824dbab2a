// Where the parts of a signal frame lie on the user stack: pure arithmetic. From high to low addresses: what the program
// had there, the red zone that it may be using below its stack pointer, the extended processor state (aligned to 64), and
// struct RtSigframe and the siginfo, at which the handler's stack pointer points (System V ABI, 3.2.2: rsp + 8 is a
// multiple of 16).
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/linux/types_signals.hpp"
#include "arch/user_memory.hpp"
#include "task/signal.hpp"

namespace cv6::linux_abi {

// At boot, when what the processor's floating-point images hold is known.
void initialise_signal_frames();

inline constexpr std::size_t red_zone_size = 128;

struct FramePlace {
  std::uintptr_t frame = 0;   // struct RtSigframe
  std::uintptr_t state = 0;   // the extended state
  bool fits = true;           // false: it would run off the alternate stack or out of user memory
};

// `stack`: the stack pointer, or the end of the alternate stack if the handler begins there; `state_bytes` with magic2.
constexpr FramePlace place_frame(std::uintptr_t stack, std::uintptr_t stack_pointer, const AlternateStack& alternate,
                                 std::size_t state_bytes) {
  FramePlace place;
  const bool switches = stack != stack_pointer;
  const bool on_alternate = switches || (alternate.size != 0 && alternate.contains(stack_pointer));
  const std::size_t needed = red_zone_size + 64 + state_bytes + signal_frame_size + 16;
  if (stack < needed || !arch::is_user_range(stack - needed, needed)) return {.fits = false};
  place.state = ((switches ? stack : stack - red_zone_size) - state_bytes) & ~std::uintptr_t{63};
  place.frame = ((place.state - signal_frame_size) & ~std::uintptr_t{15}) - 8;
  if (on_alternate && place.frame < alternate.base) place.fits = false;
  return place;
}

}  // namespace cv6::linux_abi
