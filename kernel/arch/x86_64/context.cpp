#include "arch/context.hpp"

#include "arch/x86_64/cpu_block.hpp"
#include "arch/x86_64/descriptors.hpp"
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
static_assert(user_code32_selector == USER_CODE32 && user_code_selector == USER_CODE && user_data_selector == USER_DATA);

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

namespace {

std::uint64_t read_selectors() {
  std::uint64_t ds, es, fs, gs;
  asm volatile("mov %%ds, %k0; mov %%es, %k1; mov %%fs, %k2; mov %%gs, %k3" : "=r"(ds), "=r"(es), "=r"(fs), "=r"(gs));
  return ds | es << 16 | fs << 32 | gs << 48;
}

// Every selector that a program has loaded may be loaded. The bases of FS and GS are lost.
void load_selectors(std::uint64_t selectors) {
  asm volatile("mov %k0, %%ds; mov %k1, %%es; mov %k2, %%fs; swapgs; mov %k3, %%gs; swapgs"
               ::"r"(selectors & 0xffff), "r"(selectors >> 16 & 0xffff), "r"(selectors >> 32 & 0xffff), "r"(selectors >> 48)
               : "memory");
}

// The instructions of FSGSBASE. While the processor is in the kernel, the user's GS base is in the register that SWAPGS
// swaps with.
[[gnu::always_inline]] inline void read_bases(ThreadPointers& pointers) {
  asm volatile("rdfsbase %0" : "=r"(pointers.fs_base));
  asm volatile("swapgs; rdgsbase %0; swapgs" : "=r"(pointers.gs_base));
}
[[gnu::always_inline]] inline void write_bases(const ThreadPointers& pointers) {
  asm volatile("wrfsbase %0" ::"r"(pointers.fs_base));
  asm volatile("swapgs; wrgsbase %0; swapgs" ::"r"(pointers.gs_base));
}

// The processor is as programs of 64 bits expect it, but between these two.
[[gnu::noinline]] void load_all(const ThreadPointers& pointers) {
  if (pointers.width != CodeWidth::bits_64) {
    this_cpu().descriptors[user_code_selector / 8] = 0;
    load_selectors(pointers.selectors);
  }
  if (features.fsgsbase) return write_bases(pointers);
  write_msr(msr::fs_base, pointers.fs_base);
  write_msr(msr::kernel_gs_base, pointers.gs_base);
}
[[gnu::noinline]] void save_all(ThreadPointers& pointers) {
  if (features.fsgsbase) {
    read_bases(pointers);
  } else {
    pointers.fs_base = read_msr(msr::fs_base);
    pointers.gs_base = read_msr(msr::kernel_gs_base);
  }
  if (pointers.width == CodeWidth::bits_64) return;
  pointers.selectors = read_selectors();
  load_selectors(0);
  this_cpu().descriptors[user_code_selector / 8] = user_code_descriptor;
}

}  // namespace

ThreadPointers initial_thread_pointers(CodeWidth width) {
  if (width == CodeWidth::bits_64) return {.only_bases = features.fsgsbase};
  return {.selectors = user_data_selector | user_data_selector << 16, .width = width};
}

void save_thread_pointers(ThreadPointers& pointers) {
  if (!pointers.only_bases) [[unlikely]] return save_all(pointers);
  read_bases(pointers);
}

void load_thread_pointers(const ThreadPointers& pointers) {
  if (!pointers.only_bases) [[unlikely]] return load_all(pointers);
  write_bases(pointers);
}

}  // namespace cv6::arch
