// What a handler sees and may change: alternate stack, ucontext, floating-point state, jumps out of it.

#include <immintrin.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include <cmath>
#include <csetjmp>
#include <vector>

#include "support/child.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"

namespace cv6::guest {
namespace {

alignas(16) char alternate[64 * 1024];
void* volatile handler_stack;
volatile sig_atomic_t handler_flags;
volatile sig_atomic_t change_error;

bool on_alternate(const volatile void* at) {
  const auto* byte = const_cast<const char*>(static_cast<const volatile char*>(at));
  return byte >= alternate && byte < alternate + sizeof alternate;
}

void look_at_stack(int) {
  volatile int local = 0;
  handler_stack = const_cast<int*>(&local);
  stack_t current{};
  sigaltstack(nullptr, &current);
  handler_flags = current.ss_flags;
  stack_t other = current;
  other.ss_flags = 0;
  change_error = sigaltstack(&other, nullptr) == -1 ? errno : 0;
}

class AlternateStack : public testing::Test {
 protected:
  void SetUp() override {
    const stack_t stack{alternate, 0, sizeof alternate};
    ASSERT_OK(sigaltstack(&stack, &before_));
  }
  void TearDown() override { sigaltstack(&before_, nullptr); }
  stack_t before_{};
};

TEST_F(AlternateStack, IsUsedWithTheFlag) {
  Handler handler(SIGUSR1, look_at_stack, SA_ONSTACK);
  raise(SIGUSR1);
  EXPECT_TRUE(on_alternate(handler_stack));
  EXPECT_EQ(handler_flags, SS_ONSTACK);
  EXPECT_EQ(change_error, EPERM);  // not while it is in use
  stack_t after{};
  ASSERT_OK(sigaltstack(nullptr, &after));
  EXPECT_EQ(after.ss_flags, 0);
  EXPECT_EQ(after.ss_sp, alternate);
  EXPECT_EQ(after.ss_size, sizeof alternate);
}

TEST_F(AlternateStack, IsNotUsedWithoutTheFlag) {
  Handler handler(SIGUSR1, look_at_stack);
  raise(SIGUSR1);
  EXPECT_FALSE(on_alternate(handler_stack));
  EXPECT_EQ(handler_flags, 0);
}

TEST_F(AlternateStack, DisabledMeansTheOrdinaryStack) {
  const stack_t none{nullptr, SS_DISABLE, 0};
  ASSERT_OK(sigaltstack(&none, nullptr));
  Handler handler(SIGUSR1, look_at_stack, SA_ONSTACK);
  raise(SIGUSR1);
  EXPECT_FALSE(on_alternate(handler_stack));
  EXPECT_TRUE(handler_flags & SS_DISABLE);
}

void outer(int) { raise(SIGUSR2); }

TEST_F(AlternateStack, NestedHandlersStayOnIt) {
  Handler inner(SIGUSR2, look_at_stack, SA_ONSTACK);
  Handler handler(SIGUSR1, outer, SA_ONSTACK);
  raise(SIGUSR1);
  EXPECT_TRUE(on_alternate(handler_stack));
  EXPECT_EQ(handler_flags, SS_ONSTACK);
}

TEST_F(AlternateStack, Errors) {
  stack_t small{alternate, 0, 100};
  EXPECT_ERRNO(ENOMEM, sigaltstack(&small, nullptr));
  stack_t flags{alternate, 77, sizeof alternate};
  EXPECT_ERRNO(EINVAL, sigaltstack(&flags, nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_sigaltstack, wild(), nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_sigaltstack, nullptr, wild()));
}

TEST_F(AlternateStack, ForkedChildKeepsIt) {
  EXPECT_CHILD({
    stack_t current{};
    ASSERT_OK(sigaltstack(nullptr, &current));
    EXPECT_EQ(current.ss_sp, alternate);
  });
}

greg_t seen_rip, seen_rsp, seen_rbx;
sigset_t seen_mask;

void look_at_context(int, siginfo_t*, void* pointer) {
  const auto& context = *static_cast<ucontext_t*>(pointer);
  seen_rip = context.uc_mcontext.gregs[REG_RIP];
  seen_rsp = context.uc_mcontext.gregs[REG_RSP];
  seen_rbx = context.uc_mcontext.gregs[REG_RBX];
  seen_mask = context.uc_sigmask;
}

TEST(Context, ShowsRegistersAndMask) {
  Handler handler(SIGTRAP, look_at_context);
  Blocked blocked{SIGUSR2};
  long instruction;
  long stack;
  asm volatile("mov $0x1122334455667788, %%rbx; lea 1f(%%rip), %0; mov %%rsp, %1; int3; 1:"
               : "=&r"(instruction), "=&r"(stack)
               :
               : "rbx", "memory");
  EXPECT_EQ(seen_rip, instruction);
  EXPECT_EQ(seen_rsp, stack);
  EXPECT_EQ(seen_rbx, 0x1122334455667788);
  EXPECT_TRUE(sigismember(&seen_mask, SIGUSR2));
  EXPECT_FALSE(sigismember(&seen_mask, SIGTRAP));
}

void change_context(int, siginfo_t*, void* pointer) {
  auto& registers = static_cast<ucontext_t*>(pointer)->uc_mcontext.gregs;
  registers[REG_RAX] = 0x7777;
  registers[REG_R15] = 0x8888;
  registers[REG_RIP] += 2;  // over the ud2
}

TEST(Context, ChangesTakeEffect) {
  Handler handler(SIGILL, change_context);
  long rax, r15;
  asm volatile("xor %%eax, %%eax; xor %%r15d, %%r15d; ud2; mov %%r15, %1" : "=&a"(rax), "=&r"(r15) : : "r15", "memory");
  EXPECT_EQ(rax, 0x7777);
  EXPECT_EQ(r15, 0x8888);
}

void block_in_context(int, siginfo_t*, void* pointer) {
  sigaddset(&static_cast<ucontext_t*>(pointer)->uc_sigmask, SIGUSR2);
}

TEST(Context, MaskCanBeChanged) {
  EXPECT_CHILD({
    Handler handler(SIGUSR1, block_in_context);
    raise(SIGUSR1);
    sigset_t mask;
    sigprocmask(SIG_BLOCK, nullptr, &mask);
    EXPECT_TRUE(sigismember(&mask, SIGUSR2));
  });
}

TEST(Context, FlagsRegisterIsKept) {
  Handler handler(SIGUSR1, [](int) { asm volatile("cmp %%rax, %%rax; std; cld" ::: "cc"); });
  unsigned char carry;
  long result = SYS_tgkill;
  asm volatile("syscall; clc; stc; setc %1"
               : "+a"(result), "=r"(carry)
               : "D"(getpid()), "S"(gettid()), "d"(SIGUSR1)
               : "rcx", "r11", "memory", "cc");
  EXPECT_EQ(carry, 1);
}

void corrupt_segments(int, siginfo_t*, void* pointer) {
  auto& registers = static_cast<ucontext_t*>(pointer)->uc_mcontext.gregs;
  registers[REG_RIP] = static_cast<greg_t>(0xffff'8000'0000'0000);
}

TEST(Context, KernelAddressInContextKillsTheProgramOnly) {
  EXPECT_KILLED_BY(SIGSEGV, {
    Handler handler(SIGUSR1, corrupt_segments);
    raise(SIGUSR1);
  });
}

void corrupt_flags(int, siginfo_t*, void* pointer) {
  // Privileged bits (I/O privilege, interrupts off, nested task): the kernel must not take them from the user.
  static_cast<ucontext_t*>(pointer)->uc_mcontext.gregs[REG_EFL] |= 0x3000 | 0x4000 | 0x100000;
  static_cast<ucontext_t*>(pointer)->uc_mcontext.gregs[REG_EFL] &= ~0x200L;
}

TEST(Context, PrivilegedFlagsAreNotTaken) {
  Handler handler(SIGUSR1, corrupt_flags);
  raise(SIGUSR1);
  long flags;
  asm volatile("pushfq; pop %0" : "=r"(flags));
  EXPECT_EQ(flags & 0x3000, 0);
  EXPECT_NE(flags & 0x200, 0);
}

TEST(Context, SigreturnOfGarbageIsSigsegv) {
  EXPECT_KILLED_BY(SIGSEGV, {
    asm volatile("mov %0, %%rsp; mov $15, %%eax; syscall" : : "r"(wild_addresses[0]) : "memory");
  });
}

// The floating-point state a handler destroys; it must come back after it.
void destroy_float_state(int) {
  asm volatile("fninit; fldz; fldz" ::: "memory");
  asm volatile("pxor %%xmm0, %%xmm0; pxor %%xmm5, %%xmm5; pxor %%xmm15, %%xmm15" ::: "xmm0", "xmm5", "xmm15");
  unsigned control = 0x1f80 | 0x6000;
  asm volatile("ldmxcsr %0" : : "m"(control));
}

TEST(FloatState, SurvivesAHandler) {
  Handler handler(SIGUSR1, destroy_float_state);
  unsigned control = 0x1f80 | 0x2000;  // round down
  unsigned control_after = 0;
  unsigned short x87 = 0x0f7f, x87_after = 0;
  double in[3] = {1.5, -2.25, 1e300};
  double out[3] = {};
  long result = SYS_tgkill;
  asm volatile(
      "ldmxcsr %[control]; fldcw %[x87];"
      "movsd 0(%[in]), %%xmm0; movsd 8(%[in]), %%xmm5; movsd 16(%[in]), %%xmm15;"
      "syscall;"
      "movsd %%xmm0, 0(%[out]); movsd %%xmm5, 8(%[out]); movsd %%xmm15, 16(%[out]);"
      "stmxcsr %[control_after]; fnstcw %[x87_after]"
      : "+a"(result), [control_after] "=m"(control_after), [x87_after] "=m"(x87_after)
      : [control] "m"(control), [x87] "m"(x87), [in] "r"(in), [out] "r"(out), "D"(getpid()), "S"(gettid()), "d"(SIGUSR1)
      : "rcx", "r11", "memory", "xmm0", "xmm5", "xmm15");
  const unsigned normal = 0x1f80;
  asm volatile("ldmxcsr %0; fninit" : : "m"(normal));
  EXPECT_EQ(control_after & 0xffc0, control & 0xffc0);
  EXPECT_EQ(x87_after, x87);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(out[i], in[i]);
}

// A sum whose every step lives in vector registers; all processes must come to the same.
[[gnu::noinline]] double long_sum(int seed) {
  double a = seed, b = 1, c = 0.5, d = 2;
  for (int i = 1; i < 400'000; ++i) {
    a = a * 0.999999 + b;
    b = b * 0.5 + c;
    c = std::sqrt(c * d + 1);
    d = d * 0.25 + a * 1e-9;
  }
  return a + b + c + d;
}

TEST(FloatState, SurvivesContextSwitches) {
  double expected[6];
  for (int i = 0; i < 6; ++i) expected[i] = long_sum(i);
  std::vector<pid_t> pids;
  for (int i = 0; i < 6; ++i) pids.push_back(spawn([&, i] { return long_sum(i) == expected[i] ? 0 : 1; }));
  for (const pid_t pid : pids) EXPECT_TRUE(reap(pid).exited(0));
}

[[gnu::target("avx")]] bool avx_survives(int signal) {
  alignas(32) float in[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  alignas(32) float out[8] = {};
  long result = SYS_tgkill;
  asm volatile("vmovaps (%[in]), %%ymm7; syscall; vmovaps %%ymm7, (%[out]); vzeroupper"
               : "+a"(result)
               : [in] "r"(in), [out] "r"(out), "D"(getpid()), "S"(gettid()), "d"(signal)
               : "rcx", "r11", "memory", "xmm7");
  return memcmp(in, out, sizeof in) == 0;
}

TEST(FloatState, UpperHalvesSurviveAHandler) {
  if (!__builtin_cpu_supports("avx")) GTEST_SKIP() << "the processor has no AVX";
  Handler handler(SIGUSR1, [](int) { asm volatile("pxor %%xmm7, %%xmm7" ::: "xmm7"); });
  EXPECT_TRUE(avx_survives(SIGUSR1));
}

TEST(FloatState, IsInheritedByFork) {
  double value = 3.75;
  double child_value = 0;
  long pid = SYS_fork;
  asm volatile("movsd %[value], %%xmm9; syscall; movsd %%xmm9, %[child_value]"
               : "+a"(pid), [child_value] "=m"(child_value)
               : [value] "m"(value)
               : "rcx", "r11", "memory", "xmm9");
  if (pid == 0) _exit(child_value == 3.75 ? 0 : 1);
  ASSERT_GT(pid, 0);
  EXPECT_TRUE(reap(pid).exited(0));
}

sigjmp_buf jump_target;

TEST(Context, JumpsOutOfAHandler) {
  Handler handler(SIGUSR1, [](int) { siglongjmp(jump_target, 5); });
  volatile int rounds = 0;
  for (volatile int i = 0; i < 100; i = i + 1) {
    if (sigsetjmp(jump_target, 1) == 0) {
      raise(SIGUSR1);
      FAIL() << "the handler returned";
    }
    rounds = rounds + 1;
  }
  EXPECT_EQ(rounds, 100);
}

}  // namespace
}  // namespace cv6::guest
