// What a thread is to the processor: a kernel stack, the context saved on it while it does not run, at the stack's top
// the user registers, and the floating-point state.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/target/registers.hpp"  // struct UserRegisters

namespace cv6::arch {

// A switch saves what the calling convention preserves on the stack and the stack pointer here.
struct KernelContext {
  void* stack_pointer = nullptr;
};

// The first switch to `context` calls entry(argument) on that stack; entry never returns.
void prepare_context(KernelContext& context, void* stack_top, void (*entry)(void*), void* argument);
// Returns when somebody switches back.
void switch_context(KernelContext& save_here, KernelContext& load_this);

// The user registers of the thread whose kernel stack ends at `stack_top`: the entry stubs save them there.
UserRegisters* user_registers(void* stack_top);
// The processor enters the kernel on this stack from now on.
void set_kernel_stack(void* stack_top);
// To user mode with these registers (they must be the current thread's, at its stack's top).
[[noreturn]] void enter_user(UserRegisters& registers);

// The segments of user code: thread-local storage bases (the FS and GS bases on x86-64), what the segment registers hold,
// and which code segment there is. A program of 32 bits has no other, so it never becomes one of 64. One of 64 bits has no use
// for the segment registers, which are not kept for it; it finds nothing of one of 32 bits in them.
enum class CodeWidth : std::uint8_t { bits_64, bits_32 };
struct ThreadPointers {
  std::uintptr_t fs_base = 0;
  std::uintptr_t gs_base = 0;
  std::uint64_t selectors = 0;  // of a program of 32 bits: DS, ES, FS, GS, from the lowest 16 bits up
  CodeWidth width = CodeWidth::bits_64;
  bool only_bases = false;  // there is nothing else to keep, and the processor has instructions for them
};
// All but the width, which only exec changes. One of 32 bits has to be loaded again before it goes on.
void save_thread_pointers(ThreadPointers& pointers);
void load_thread_pointers(const ThreadPointers& pointers);
ThreadPointers initial_thread_pointers(CodeWidth width);  // of a new program

// Floating-point and vector registers. The kernel never uses them, so they are saved when another user thread needs the
// processor, not at every entry. The image's format is the processor's own (XSAVE, standard format, on x86-64), which is
// also what a signal frame shows to the program. Images are `fpu_image_size()` bytes, aligned to 64.
std::size_t fpu_image_size();
std::uint64_t fpu_components();  // what an image holds, by the processor's numbers (XCR0); for signal frames
void fpu_save(void* image);
void fpu_load(const void* image);  // the image must be valid: see fpu_sanitize
// Straight between the processor's registers and a program's memory, for signal frames. Neither blocks. False: a page is
// missing, or what is to be loaded is nonsense; the way through an image finds out which. A load that failed leaves
// anything in the registers. Where an image is saved, the 64 bytes behind its first 512 must be zero before.
bool fpu_save_to_user(std::uintptr_t to);
bool fpu_load_from_user(std::uintptr_t from);
void fpu_initialise(void* image);  // as a new program finds it
// Makes an image that came from user space safe to load: false if it is nonsense.
bool fpu_sanitize(void* image, std::size_t size);

}  // namespace cv6::arch
