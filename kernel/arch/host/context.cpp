// Threads of the simulated machine: contexts of the C library.
#include "arch/context.hpp"

#include <ucontext.h>

#include <cstdlib>
#include <cstring>

namespace cv6::arch {

namespace {

struct Start {
  void (*entry)(void*);
  void* argument;
};

void begin(unsigned high, unsigned low) {
  auto* start = reinterpret_cast<Start*>(std::uintptr_t{high} << 32 | low);
  start->entry(start->argument);
  std::abort();  // entry never returns
}

}  // namespace

void prepare_context(KernelContext& context, void* stack_top, void (*entry)(void*), void* argument) {
  // Both at the stack's top, below the user registers; they live as long as the stack.
  constexpr std::size_t stack_room = 12 << 10;
  auto* top = reinterpret_cast<char*>(user_registers(stack_top));
  auto* start = reinterpret_cast<Start*>(top - 64);
  *start = {entry, argument};
  auto* saved = reinterpret_cast<ucontext_t*>((reinterpret_cast<std::uintptr_t>(start) - sizeof(ucontext_t)) & ~63ull);
  getcontext(saved);
  saved->uc_stack.ss_size = stack_room - (static_cast<char*>(stack_top) - reinterpret_cast<char*>(saved));
  saved->uc_stack.ss_sp = reinterpret_cast<char*>(saved) - saved->uc_stack.ss_size;
  saved->uc_link = nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(start);
  makecontext(saved, reinterpret_cast<void (*)()>(begin), 2, static_cast<unsigned>(address >> 32),
              static_cast<unsigned>(address));
  context.stack_pointer = saved;
}

void switch_context(KernelContext& save_here, KernelContext& load_this) {
  ucontext_t here;
  save_here.stack_pointer = &here;
  swapcontext(&here, static_cast<ucontext_t*>(load_this.stack_pointer));
}

UserRegisters* user_registers(void* stack_top) { return static_cast<UserRegisters*>(stack_top) - 1; }
void set_kernel_stack(void*) {}
void enter_user(UserRegisters&) { std::abort(); }  // there is no user code to run
void save_thread_pointers(ThreadPointers&) {}
void load_thread_pointers(const ThreadPointers&) {}
ThreadPointers initial_thread_pointers(CodeWidth width) { return {.width = width}; }

std::size_t fpu_image_size() { return 512; }
std::uint64_t fpu_components() { return 0; }
void fpu_save(void*) {}
void fpu_load(const void*) {}
bool fpu_save_to_user(std::uintptr_t) { return false; }
bool fpu_load_from_user(std::uintptr_t) { return false; }
void fpu_initialise(void* image) { std::memset(image, 0, fpu_image_size()); }
bool fpu_sanitize(void*, std::size_t size) { return size >= fpu_image_size(); }

}  // namespace cv6::arch
