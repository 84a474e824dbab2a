// Which interrupt vector means what.
#pragma once

namespace cv6::arch::vector {

inline constexpr unsigned divide = 0, debug = 1, nmi = 2, breakpoint = 3, overflow = 4, bounds = 5, invalid_opcode = 6,
                          double_fault = 8, segment_not_present = 11, stack = 12, protection = 13, page_fault = 14,
                          x87 = 16, alignment = 17, machine_check = 18, simd = 19;
inline constexpr unsigned first_interrupt = 0x20;  // below: exceptions
inline constexpr unsigned trap_call = 0x40;        // the xv6 ABI
inline constexpr unsigned linux32_trap_call = 0x80;
inline constexpr unsigned first_device = 0x90, last_device = 0xef;
inline constexpr unsigned timer = 0xf0, wakeup = 0xf1, flush = 0xf2, spurious = 0xff;

}  // namespace cv6::arch::vector
