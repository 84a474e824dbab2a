#include "arch/backtrace.hpp"

#include "arch/x86_64/cpu_block.hpp"
#include "arch/x86_64/image.hpp"
#include "arch/x86_64/registers.hpp"

namespace cv6::arch {

namespace {

bool is_kernel_code(std::uintptr_t address) {
  return address >= reinterpret_cast<std::uintptr_t>(kernel_start) &&
         address < reinterpret_cast<std::uintptr_t>(kernel_text_end);
}

#ifdef CV6_DEBUG

// A frame as the function prologue makes it.
struct StackFrame {
  const StackFrame* caller;
  std::uintptr_t return_address;
};

constexpr std::uintptr_t deepest_stack = 65536;

// Stacks are in the direct map or in the kernel's data, and frames get older as addresses grow.
bool is_older_frame(const StackFrame* frame, std::uintptr_t than) {
  const auto address = reinterpret_cast<std::uintptr_t>(frame);
  return address > than && address - than < deepest_stack && address % 8 == 0 && address >= direct_map_base();
}

// From frame to frame, as the functions' prologues link them.
unsigned walk(std::span<std::uintptr_t> addresses, const StackFrame* frame) {
  unsigned count = 0;
  while (count < addresses.size() && is_kernel_code(frame->return_address)) {
    addresses[count++] = frame->return_address;
    if (!is_older_frame(frame->caller, reinterpret_cast<std::uintptr_t>(frame))) break;
    frame = frame->caller;
  }
  return count;
}

#else

// Stacks are that large at most, and aligned to it (sched/thread.hpp).
constexpr std::uintptr_t largest_stack = 16384;

// CALL rel32, or CALL through a register or memory, which is two to seven bytes long.
bool is_behind_call(std::uintptr_t address) {
  const auto* end = reinterpret_cast<const std::uint8_t*>(address);
  if (end[-5] == 0xe8) return true;
  for (int length : {2, 3, 4, 6, 7})
    if (end[-length] == 0xff && (end[1 - length] & 0x38) == 0x10) return true;
  return false;
}

// The release build has no frame pointers: all that looks like a return address, up to the stack's end. Some may be left
// over from calls that have ended.
unsigned scan(std::span<std::uintptr_t> addresses, std::uintptr_t stack_pointer) {
  const std::uintptr_t end = (stack_pointer | (largest_stack - 1)) + 1;
  unsigned count = 0;
  for (std::uintptr_t at = stack_pointer & ~std::uintptr_t{7}; at < end && count < addresses.size(); at += 8) {
    const std::uintptr_t word = *reinterpret_cast<const std::uintptr_t*>(at);
    if (is_kernel_code(word - 7) && is_kernel_code(word) && is_behind_call(word)) addresses[count++] = word;
  }
  return count;
}

#endif

}  // namespace

[[gnu::noinline]] unsigned backtrace(std::span<std::uintptr_t> addresses) {
  const UserRegisters* fault = this_cpu().fault_registers;
  if (fault && !addresses.empty()) {
    addresses.front() = fault->rip;
    addresses = addresses.subspan(1);
  }
#ifdef CV6_DEBUG
  const auto* frame = static_cast<const StackFrame*>(__builtin_frame_address(0));
  if (fault) frame = reinterpret_cast<const StackFrame*>(fault->rbp);
  const unsigned found = !fault || is_older_frame(frame, fault->rsp - 8) ? walk(addresses, frame) : 0;
#else
  const std::uintptr_t here = fault ? fault->rsp : reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  const unsigned found = here >= direct_map_base() ? scan(addresses, here) : 0;
#endif
  return found + (fault ? 1 : 0);
}

}  // namespace cv6::arch
