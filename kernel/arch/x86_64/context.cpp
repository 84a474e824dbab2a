#include "arch/context.hpp"

#include "arch/x86_64/cpu_block.hpp"
#include "arch/x86_64/features.hpp"
#include "arch/x86_64/instructions.hpp"

extern "C" const char context_start[];

namespace cv6::arch {

static_assert(offsetof(UserRegisters, r11) == REG_R11);
static_assert(offsetof(UserRegisters, rcx) == REG_RCX);
static_assert(offsetof(UserRegisters, orig_rax) == REG_ORIG_RAX);
static_assert(offsetof(UserRegisters, rip) == REG_RIP);
static_assert(offsetof(UserRegisters, cs) == REG_CS);
static_assert(offsetof(UserRegisters, eflags) == REG_FLAGS);
static_assert(offsetof(UserRegisters, rsp) == REG_RSP);
static_assert(kernel_code_selector == KERNEL_CODE && kernel_data_selector == KERNEL_DATA);
static_assert(user_code_selector == USER_CODE && user_data_selector == USER_DATA);

void prepare_context(KernelContext& context, void* stack_top, void (*entry)(void*), void* argument) {
  auto* top = static_cast<std::uint64_t*>(stack_top);
  // What switch_context pops: r15, r14, r13, r12, rbx, rbp (0 ends the stack that a panic prints), where to return.
  *--top = 0;
  *--top = reinterpret_cast<std::uint64_t>(context_start);
  *--top = 0;
  *--top = reinterpret_cast<std::uint64_t>(entry);
  *--top = reinterpret_cast<std::uint64_t>(argument);
  *--top = 0;
  *--top = 0;
  *--top = 0;
  context.stack_pointer = top;
}

UserRegisters* user_registers(void* stack_top) { return static_cast<UserRegisters*>(stack_top) - 1; }

void set_kernel_stack(void* stack_top) {
  CpuBlock& cpu = this_cpu();
  cpu.kernel_stack = reinterpret_cast<std::uint64_t>(stack_top);
  cpu.task_state.stacks[0] = cpu.kernel_stack;
}

// While the processor is in the kernel, the user's GS base is in the register that SWAPGS swaps with.
void save_thread_pointers(ThreadPointers& pointers) {
  if (features.fsgsbase) {
    asm volatile("rdfsbase %0" : "=r"(pointers.fs_base));
    asm volatile("swapgs; rdgsbase %0; swapgs" : "=r"(pointers.gs_base));
  } else {
    pointers.fs_base = read_msr(msr::fs_base);
    pointers.gs_base = read_msr(msr::kernel_gs_base);
  }
}

void load_thread_pointers(const ThreadPointers& pointers) {
  if (features.fsgsbase) {
    asm volatile("wrfsbase %0" ::"r"(pointers.fs_base));
    asm volatile("swapgs; wrgsbase %0; swapgs" ::"r"(pointers.gs_base));
  } else {
    write_msr(msr::fs_base, pointers.fs_base);
    write_msr(msr::kernel_gs_base, pointers.gs_base);
  }
}

}  // namespace cv6::arch
