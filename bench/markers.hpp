// How a program that measures tells the counter (counter/), which watches the machine from outside, where it is.
//
// A marker is one instruction that does nothing: a long nop whose displacement says which marker it is. The counter knows
// it by its bytes; without the counter it is only a nop.
#pragma once

#include <cstdint>

namespace cv6::bench {

enum class Marker : std::uint32_t {
  metric,       ///< the next metric begins; the k-th of a boot is the k-th that was asked for
  only_loop,    ///< the batches of this metric until now were those of the empty loop, and do not count
  batch_begin,  ///< from here everything counts, whoever executes it
  batch_end,
};

/// Of the displacement: the rest is the marker's number.
inline constexpr std::uint32_t marker_base = 0x43763600;  // "Cv6"
inline constexpr std::uint32_t markers = 4;

/// nopl displacement(%rax), without the displacement.
inline constexpr unsigned char marker_opcode[] = {0x0f, 0x1f, 0x80};

template <Marker marker>
inline void mark() {
  asm volatile(".byte %c0, %c1, %c2\n.long %c3"
               :: "i"(marker_opcode[0]), "i"(marker_opcode[1]), "i"(marker_opcode[2]),
                  "i"(marker_base + static_cast<std::uint32_t>(marker))
               : "memory");
}

}  // namespace cv6::bench
