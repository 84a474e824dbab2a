#include "arch/backtrace.hpp"

#include "arch/x86_64/cpu_block.hpp"
#include "arch/x86_64/image.hpp"
#include "arch/x86_64/registers.hpp"

namespace cv6::arch {

namespace {

// A frame as the function prologue makes it.
struct StackFrame {
  const StackFrame* caller;
  std::uintptr_t return_address;
};

constexpr std::uintptr_t deepest_stack = 65536;

bool is_kernel_code(std::uintptr_t address) {
  return address >= reinterpret_cast<std::uintptr_t>(kernel_start) &&
         address < reinterpret_cast<std::uintptr_t>(kernel_text_end);
}

// Stacks are in the direct map or in the kernel's data, and frames get older as addresses grow.
bool is_older_frame(const StackFrame* frame, std::uintptr_t than) {
  const auto address = reinterpret_cast<std::uintptr_t>(frame);
  return address > than && address - than < deepest_stack && address % 8 == 0 && address >= direct_map_base();
}

}  // namespace

[[gnu::noinline]] unsigned backtrace(std::span<std::uintptr_t> addresses) {
  unsigned count = 0;
  const auto* frame = static_cast<const StackFrame*>(__builtin_frame_address(0));
  if (const UserRegisters* fault = this_cpu().fault_registers) {
    if (count < addresses.size()) addresses[count++] = fault->rip;
    frame = reinterpret_cast<const StackFrame*>(fault->rbp);
    if (!is_older_frame(frame, fault->rsp - 8)) return count;
  }
  while (count < addresses.size() && is_kernel_code(frame->return_address)) {
    addresses[count++] = frame->return_address;
    if (!is_older_frame(frame->caller, reinterpret_cast<std::uintptr_t>(frame))) break;
    frame = frame->caller;
  }
  return count;
}

}  // namespace cv6::arch
