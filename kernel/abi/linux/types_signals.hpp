// Signals as programs lay them out (Linux UAPI: asm/signal.h, asm-generic/siginfo.h, asm/sigcontext.h, asm/ucontext.h;
// sigaction(2), sigaltstack(2); the frame's extended state: arch/x86/include/uapi/asm/sigcontext.h, "FP_XSTATE_MAGIC1").
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/target/signal_context.hpp"
#include "task/signal.hpp"

namespace cv6::linux_abi {

inline constexpr std::size_t sigset_size = 8;

using Sigaction = SignalAction;  // programs have it just so
static_assert(sizeof(Sigaction) == 32 && offsetof(Sigaction, flags) == 8 && offsetof(Sigaction, restorer) == 16 &&
              offsetof(Sigaction, mask) == 24);

struct StackT {
  std::uint64_t ss_sp;
  std::int32_t ss_flags;
  std::int32_t padding;
  std::uint64_t ss_size;
};
static_assert(sizeof(StackT) == 24);
inline constexpr int ss_onstack = 1;
inline constexpr int ss_disable = 2;
inline constexpr int ss_autodisarm = static_cast<int>(0x80000000);
inline constexpr std::uint64_t minimum_signal_stack = 2048;  // MINSIGSTKSZ

struct Siginfo {
  std::int32_t si_signo;
  std::int32_t si_errno;
  std::int32_t si_code;
  std::int32_t padding;
  union {
    std::uint8_t bytes[112];
    struct {
      std::int32_t pid;
      std::uint32_t uid;
      std::uint64_t value;
    } sent;  // kill, sigqueue, tgkill
    struct {
      std::int32_t timerid;
      std::int32_t overrun;
      std::uint64_t value;
    } timer;
    struct {
      std::int32_t pid;
      std::uint32_t uid;
      std::int32_t status;
      std::int32_t padding;
      std::int64_t utime;
      std::int64_t stime;
    } child;
    struct {
      std::uint64_t address;
    } fault;
    struct {
      std::int64_t band;
      std::int32_t fd;
    } poll;
  };
};
static_assert(sizeof(Siginfo) == 128 && offsetof(Siginfo, bytes) == 16);

struct Ucontext {
  std::uint64_t uc_flags;
  std::uint64_t uc_link;
  StackT uc_stack;
  arch::SignalContext uc_mcontext;
  std::uint64_t uc_sigmask;
};
static_assert(sizeof(Ucontext) == 304);
inline constexpr std::uint64_t uc_fp_xstate = 1;
inline constexpr std::uint64_t uc_sigcontext_ss = 2;
inline constexpr std::uint64_t uc_strict_restore_ss = 4;

// What a handler finds at the stack pointer.
struct RtSigframe {
  std::uint64_t return_address;  // the action's restorer
  Ucontext uc;
};
static_assert(sizeof(RtSigframe) == 312);
// Behind it is a siginfo, filled in if the handler asked for it (SA_SIGINFO).
inline constexpr std::size_t siginfo_offset = sizeof(RtSigframe);
inline constexpr std::size_t signal_frame_size = siginfo_offset + sizeof(Siginfo);

// How a program knows that the state goes on behind the legacy area, and how far: image and second magic word.
struct FpxMark {
  std::uint32_t magic1;
  std::uint32_t extended_size;
  bool operator==(const FpxMark&) const = default;
};
inline constexpr std::size_t fpx_software_offset = 464;
inline constexpr std::size_t fxsave_size = 512;
// From byte 464 of the image on: struct _fpx_sw_bytes in what the processor leaves to software, and the image's header.
struct MarkedHeader {
  FpxMark mark;
  std::uint64_t xfeatures;
  std::uint64_t xstate_size;  // the image
  std::uint64_t unused[3];
  std::uint64_t header[8];    // Intel SDM volume 1, 13.4.2
};
static_assert(sizeof(MarkedHeader) == 48 + 64);
inline constexpr std::uint32_t fp_xstate_magic1 = 0x46505853;
inline constexpr std::uint32_t fp_xstate_magic2 = 0x46505845;

}  // namespace cv6::linux_abi
