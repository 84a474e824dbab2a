// Signals that instructions and calls raise: SIGFPE, SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGPIPE, SIGABRT.

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include <csetjmp>
#include <cstdlib>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

sigjmp_buf target;
siginfo_t info;

void leave(int, siginfo_t* from, void*) {
  info = *from;
  siglongjmp(target, 1);
}

// Runs the faulting code under a handler for the signal; what it reported is in `info`.
template <class Code>
[[gnu::noinline]] bool caught(int signal, Code code) {
  Handler handler(signal, leave);
  info = {};
  if (sigsetjmp(target, 1) != 0) return true;
  code();
  return false;
}

volatile int zero = 0;

TEST(Faults, IntegerDivision) {
  const auto divide = [] { asm volatile("idivl %1" : : "a"(1), "m"(zero), "d"(0) : "cc"); };
  ASSERT_TRUE(caught(SIGFPE, divide));
  EXPECT_EQ(info.si_code, FPE_INTDIV);
  EXPECT_NE(info.si_addr, nullptr);
  EXPECT_KILLED_BY(SIGFPE, { divide(); });
}

TEST(Faults, FloatingPointWhenUnmasked) {
  const auto divide = [] {
    const unsigned control = 0x1f80 & ~0x200u;  // division by zero is not masked
    asm volatile("ldmxcsr %0" : : "m"(control));
    volatile double numerator = 1, denominator = 0;
    numerator = numerator / denominator;
  };
  if (!caught(SIGFPE, divide)) GTEST_SKIP() << "this processor is an emulation without SIMD exceptions";
  EXPECT_EQ(info.si_code, FPE_FLTDIV);
  const unsigned normal = 0x1f80;
  asm volatile("ldmxcsr %0" : : "m"(normal));
}

TEST(Faults, IllegalInstruction) {
  const auto illegal = [] { asm volatile("ud2"); };
  ASSERT_TRUE(caught(SIGILL, illegal));
  EXPECT_EQ(info.si_code, ILL_ILLOPN);
  EXPECT_KILLED_BY(SIGILL, { illegal(); });
}

TEST(Faults, PrivilegedInstructions) {
  EXPECT_TRUE(caught(SIGSEGV, [] { asm volatile("hlt"); }));
  EXPECT_TRUE(caught(SIGSEGV, [] { asm volatile("cli"); }));
  EXPECT_TRUE(caught(SIGSEGV, [] { asm volatile("mov %%cr3, %%rax" ::: "rax"); }));
  EXPECT_TRUE(caught(SIGSEGV, [] { asm volatile("wrmsr" : : "c"(0xc0000082), "a"(0), "d"(0)); }));
  EXPECT_TRUE(caught(SIGSEGV, [] { asm volatile("outb %%al, $0x80" : : "a"(0)); }));
  EXPECT_TRUE(caught(SIGSEGV, [] { asm volatile("int $0x40"); }));
  EXPECT_TRUE(caught(SIGSEGV, [] { asm volatile("invlpg (%0)" : : "r"(&zero)); }));
}

TEST(Faults, NoncanonicalAddressHasNoPlace) {
  ASSERT_TRUE(caught(SIGSEGV, [] { *wild<volatile char>(1); }));
  EXPECT_EQ(info.si_code, SI_KERNEL);
  EXPECT_EQ(info.si_addr, nullptr);
}

volatile sig_atomic_t traps;

TEST(Faults, Breakpoint) {
  traps = 0;
  Handler handler(SIGTRAP, [](int, siginfo_t* from, void*) {
    if (from->si_code == SI_KERNEL) traps = traps + 1;
  });
  asm volatile("int3");
  asm volatile("int3");
  EXPECT_EQ(traps, 2);
  EXPECT_KILLED_BY(SIGTRAP, {
    signal(SIGTRAP, SIG_DFL);
    asm volatile("int3");
  });
}

TEST(Faults, SingleStep) {
  traps = 0;
  Handler handler(SIGTRAP, [](int, siginfo_t* from, void* context) {
    if (from->si_code == TRAP_TRACE) traps = traps + 1;
    if (traps == 3) static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~0x100L;
  });
  asm volatile("sub $128, %%rsp; pushfq; orq $0x100, (%%rsp); popfq; nop; nop; nop; nop; nop; add $128, %%rsp" ::
                   : "memory", "cc");
  EXPECT_EQ(traps, 3);
}

class FaultFiles : public TempDir {};

TEST_F(FaultFiles, BusErrorHasItsAddress) {
  write_file("f", "x");
  Descriptor file = open_file("f", O_RDWR);
  Mapping mapping(2 * page_size, PROT_READ, MAP_SHARED, file);
  ASSERT_TRUE(caught(SIGBUS, [&] { *mapping.as<volatile char>(page_size + 5); }));
  EXPECT_EQ(info.si_code, BUS_ADRERR);
  EXPECT_EQ(info.si_addr, mapping.page(1) + 5);
}

TEST(Faults, BlockedFaultKills) {
  EXPECT_KILLED_BY(SIGSEGV, {
    Handler handler(SIGSEGV, leave);
    Blocked blocked{SIGSEGV};
    *wild<volatile char>();
  });
}

TEST(Faults, IgnoredFaultKills) {
  EXPECT_KILLED_BY(SIGSEGV, {
    signal(SIGSEGV, SIG_IGN);
    *wild<volatile char>();
  });
  EXPECT_KILLED_BY(SIGILL, {
    signal(SIGILL, SIG_IGN);
    asm volatile("ud2");
  });
}

TEST(Faults, FaultInTheHandlerKills) {
  EXPECT_KILLED_BY(SIGSEGV, {
    Handler handler(SIGSEGV, [](int) { *wild<volatile char>(); });
    *wild<volatile char>();
  });
}

TEST(Faults, NoStackForTheHandlerKills) {
  EXPECT_KILLED_BY(SIGSEGV, {
    Handler handler(SIGUSR1, [](int) {});
    asm volatile("mov %0, %%rsp; mov $39, %%eax; syscall; mov %%eax, %%edi; mov %1, %%esi; mov $62, %%eax; syscall"
                 :
                 : "r"(0x10UL), "i"(SIGUSR1)
                 : "memory");
  });
}

TEST(Faults, Abort) {
  EXPECT_KILLED_BY(SIGABRT, { abort(); });
  EXPECT_KILLED_BY(SIGABRT, {
    signal(SIGABRT, SIG_IGN);
    abort();
  });
}

TEST(Faults, BrokenPipe) {
  EXPECT_KILLED_BY(SIGPIPE, {
    Pipe pipe;
    pipe.read.close();
    write(pipe.write, "x", 1);
  });
  EXPECT_CHILD({
    signal(SIGPIPE, SIG_IGN);
    Pipe pipe;
    pipe.read.close();
    EXPECT_ERRNO(EPIPE, write(pipe.write, "x", 1));
  });
}

TEST(Faults, CpuLimitSendsXcpu) {
  EXPECT_KILLED_BY(SIGXCPU, {
    const rlimit second{1, 10};
    setrlimit(RLIMIT_CPU, &second);
    for (volatile int i = 0;; i = i + 1) {
    }
  });
}

TEST(Faults, CpuLimitIsInherited) {
  EXPECT_CHILD({
    const rlimit second{1, 1000};
    setrlimit(RLIMIT_CPU, &second);
    EXPECT_KILLED_BY(SIGXCPU, {
      timespec used{};
      while (used.tv_sec < 10) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);  // its own limit would have ended it
    });
  });
}

}  // namespace
}  // namespace cv6::guest
