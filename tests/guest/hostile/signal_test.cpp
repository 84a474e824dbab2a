// Hostile use of signals and of what threads leave to the kernel: wild stacks, handlers, return addresses, words.

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

// The kernel's own structure: the C library would put its own return address in.
struct KernelAction {
  std::uintptr_t handler;
  unsigned long flags;
  std::uintptr_t restorer;
  std::uint64_t mask;
};
constexpr unsigned long has_restorer = 0x04000000;

TEST(HostileSignals, WildHandler) {
  for (const std::uintptr_t address : wild_addresses) {
    EXPECT_KILLED_BY(SIGSEGV, {
      const KernelAction action{address, has_restorer, address, 0};
      syscall(SYS_rt_sigaction, SIGUSR1, &action, nullptr, 8);
      raise(SIGUSR1);
    });
  }
}

TEST(HostileSignals, WildReturnAddress) {
  for (const std::uintptr_t address : wild_addresses) {
    EXPECT_KILLED_BY(SIGSEGV, {
      const KernelAction action{reinterpret_cast<std::uintptr_t>(+[](int) {}), has_restorer, address, 0};
      syscall(SYS_rt_sigaction, SIGUSR1, &action, nullptr, 8);
      raise(SIGUSR1);
    });
  }
}

TEST(HostileSignals, WildAlternateStack) {
  for (const std::uintptr_t address : wild_addresses) {
    EXPECT_KILLED_BY(SIGSEGV, {
      const stack_t stack{reinterpret_cast<void*>(address), 0, 64 * 1024};
      if (sigaltstack(&stack, nullptr) == -1) return 1;
      Handler handler(SIGUSR1, [](int) {}, SA_ONSTACK);
      raise(SIGUSR1);
    });
  }
}

TEST(HostileSignals, AlternateStackThatMayNotBeWritten) {
  EXPECT_KILLED_BY(SIGSEGV, {
    Mapping memory(64 * 1024, PROT_READ);
    const stack_t stack{memory.page(0), 0, memory.length()};
    sigaltstack(&stack, nullptr);
    Handler handler(SIGUSR1, [](int) {}, SA_ONSTACK);
    raise(SIGUSR1);
  });
}

void ruin_frame(int, siginfo_t*, void* context) {
  // Everything the kernel will read back, floating-point state and its pointer too.
  memset(context, 0xa5, sizeof(ucontext_t));
}

TEST(HostileSignals, RuinedFrame) {
  const Ending ending = run([] {
    Handler handler(SIGUSR1, ruin_frame);
    raise(SIGUSR1);
    return 1;
  });
  EXPECT_TRUE(WIFSIGNALED(ending.status)) << ending;
}

void ruin_float_pointer(int, siginfo_t*, void* context) {
  static_cast<ucontext_t*>(context)->uc_mcontext.fpregs = wild<std::remove_pointer_t<fpregset_t>>(2);
}

TEST(HostileSignals, WildFloatState) {
  EXPECT_KILLED_BY(SIGSEGV, {
    Handler handler(SIGUSR1, ruin_float_pointer);
    raise(SIGUSR1);
  });
}

void ruin_float_state(int, siginfo_t*, void* context) {
  auto* state = static_cast<ucontext_t*>(context)->uc_mcontext.fpregs;
  state->mxcsr = 0xffffffff;  // reserved bits: loading them as they are would fault in the kernel
}

TEST(HostileSignals, ReservedBitsOfFloatState) {
  const Ending ending = run([] {
    Handler handler(SIGUSR1, ruin_float_state);
    raise(SIGUSR1);
    return 0;
  });
  EXPECT_TRUE(ending.exited(0) || ending.killed_by(SIGSEGV)) << ending;
}

TEST(HostileSignals, EndlessNesting) {
  EXPECT_KILLED_BY(SIGSEGV, {
    Handler handler(SIGUSR1, [](int number) { raise(number); }, SA_NODEFER);
    raise(SIGUSR1);
  });
}

// Its own SIGSEGV each time, and a stack for a million frames: others get the processor meanwhile, and can end it.
TEST(HostileSignals, WildHandlerOfItsOwnFaults) {
  EXPECT_CHILD({
    cpu_set_t one;
    ASSERT_OK(sched_getaffinity(0, sizeof one, &one));
    unsigned cpu = 0;
    while (!CPU_ISSET(cpu, &one)) ++cpu;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ASSERT_OK(sched_setaffinity(0, sizeof one, &one));
    constexpr std::size_t piece = 8 << 20;
    constexpr std::size_t pieces = 128;
    const Descriptor file(memfd_create("stack", MFD_CLOEXEC));
    ASSERT_OK(ftruncate(file, piece));
    const Mapping seen(piece, PROT_READ, MAP_SHARED, file);
    ASSERT_TRUE(seen.ok());
    const pid_t child = spawn([&] {
      const Mapping stack(piece * pieces, PROT_NONE);
      for (std::size_t i = 0; i < pieces; ++i)
        if (mmap(stack.as(i * piece), piece, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED) return 1;
      const stack_t alternate{stack.as<void>(), 0, stack.length()};
      if (sigaltstack(&alternate, nullptr) == -1) return 2;
      Handler handler(SIGSEGV, reinterpret_cast<void (*)(int)>(wild_addresses[1]), SA_ONSTACK | SA_NODEFER);
      raise(SIGSEGV);
      return 3;
    });
    const auto* const last_page = seen.as<const volatile std::uint64_t>(piece - page_size);
    EXPECT_TRUE(wait_until([&] {
      for (std::size_t i = 0; i < page_size / sizeof *last_page; ++i)
        if (last_page[i]) return true;
      return false;
    }));
    EXPECT_OK(kill(child, SIGKILL));
    const Ending ending = reap(child);
    EXPECT_TRUE(ending.killed_by(SIGKILL)) << ending;
  });
}

TEST(HostileThreads, WildWordsAtTheEnd) {
  for (const std::uintptr_t address : wild_addresses) {
    EXPECT_TRUE(run([=] {
                  std::thread([=] {
                    syscall(SYS_set_tid_address, address);
                    syscall(SYS_set_robust_list, address, 24);
                    syscall(SYS_exit, 0);
                  }).detach();
                  syscall(SYS_set_tid_address, address);
                  return 0;
                }).exited(0));
  }
}

TEST(HostileThreads, WildStackAndTls) {
  // A thread whose stack and thread pointer lead nowhere takes its process with it.
  Mapping forbidden(4 * page_size, PROT_NONE);
  for (const std::uintptr_t address : {wild_addresses[0], reinterpret_cast<std::uintptr_t>(forbidden.page(2))}) {
    const Ending ending = run([=] {
      const unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS;
      long result;
      asm volatile(
          "mov %[tls], %%r8; syscall; test %%rax, %%rax; jnz 1f;"
          "push %%rax;"                                // the new thread: must fault here
          "mov $99, %%edi; mov $231, %%eax; syscall;"  // exit_group(99)
          "1:"
          : "=a"(result)
          : "a"(SYS_clone), "D"(flags), "S"(address), "d"(0), [tls] "r"(address)
          : "rcx", "r11", "r8", "memory");
      if (result < 0) return 1;
      for (;;) pause();
      return 0;
    });
    EXPECT_TRUE(ending.killed_by(SIGSEGV)) << ending;
  }
}

TEST(HostileThreads, ThreadPointerOutsideUserMemory) {
  for (const std::uintptr_t address : {wild_addresses[1], wild_addresses[2], wild_addresses[3]}) {
    const unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS;
    Mapping stack(16 * page_size);
    const Ending ending = run([&] {
      // Refused; if it were not, the new thread would return on a stack of zeroes and die.
      const long result = syscall(SYS_clone, flags, stack.as(stack.length() - 64), nullptr, nullptr, address);
      return result == -1 && errno == EPERM ? 0 : 1;
    });
    EXPECT_TRUE(ending.exited(0)) << ending;
  }
}

}  // namespace
}  // namespace cv6::guest
