// The registers as a signal frame shows them to the program, and takes them back: struct sigcontext of Linux' x86-64 ABI
// (asm/sigcontext.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/upcalls.hpp"
#include "arch/x86_64/registers.hpp"

namespace cv6::arch {

struct SignalContext {
  std::uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
  std::uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip;
  std::uint64_t eflags;
  std::uint16_t cs, gs, fs, ss;
  std::uint64_t err, trapno, oldmask, cr2;
  std::uint64_t fpu_image;  // its address, or 0
  std::uint64_t reserved[8];

  // `last`: what the thread's last fault was, which is shown whether it has to do with the signal or not.
  static SignalContext of(const UserRegisters& r, const Fault& last, std::uint64_t blocked, std::uint64_t fpu_image) {
    return {.r8 = r.r8, .r9 = r.r9, .r10 = r.r10, .r11 = r.r11, .r12 = r.r12, .r13 = r.r13, .r14 = r.r14, .r15 = r.r15,
            .rdi = r.rdi, .rsi = r.rsi, .rbp = r.rbp, .rbx = r.rbx, .rdx = r.rdx, .rax = r.rax, .rcx = r.rcx,
            .rsp = r.rsp, .rip = r.rip, .eflags = r.eflags,
            .cs = static_cast<std::uint16_t>(r.cs), .gs = 0, .fs = 0, .ss = static_cast<std::uint16_t>(r.ss),
            .err = last.error_code, .trapno = last.vector, .oldmask = blocked, .cr2 = last.address,
            .fpu_image = fpu_image, .reserved = {}};
  }

  // Only to states that the program could have brought about itself: segments stay, and flags are filtered.
  void restore(UserRegisters& r) const {
    r.r8 = r8, r.r9 = r9, r.r10 = r10, r.r11 = r11, r.r12 = r12, r.r13 = r13, r.r14 = r14, r.r15 = r15;
    r.rdi = rdi, r.rsi = rsi, r.rbp = rbp, r.rbx = rbx, r.rdx = rdx, r.rax = rax, r.rcx = rcx, r.rsp = rsp, r.rip = rip;
    r.set_flags(eflags);
    r.leave_system_call();
  }
};
static_assert(sizeof(SignalContext) == 256 && offsetof(SignalContext, fpu_image) == 184);

}  // namespace cv6::arch
