// mprotect, faults and what they report, guard pages, no-execute, the stack.

#include <signal.h>
#include <sys/resource.h>
#include <sys/ucontext.h>

#include <csetjmp>

#include "support/child.hpp"
#include "support/memory.hpp"

namespace cv6::guest {
namespace {

// What one access does: 0 when it works, or the signal, its code and its address.
struct Fault {
  int signal = 0;
  int code = 0;
  void* address = nullptr;
};

sigjmp_buf after_fault;
siginfo_t saved_info;

void on_fault(int, siginfo_t* info, void*) {
  saved_info = *info;
  siglongjmp(after_fault, 1);
}

template <class Access>
[[gnu::noinline]] Fault try_access(Access access) {
  struct sigaction action{};
  struct sigaction segv{}, bus{};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, &segv);
  sigaction(SIGBUS, &action, &bus);
  Fault fault;
  if (sigsetjmp(after_fault, 1) == 0) {
    access();
  } else {
    fault = {saved_info.si_signo, saved_info.si_code, saved_info.si_addr};
  }
  sigaction(SIGSEGV, &segv, nullptr);
  sigaction(SIGBUS, &bus, nullptr);
  return fault;
}

Fault try_read(const void* at) {
  return try_access([=] { (void)*static_cast<const volatile char*>(at); });
}
Fault try_write(void* at) {
  return try_access([=] { *static_cast<volatile char*>(at) = 1; });
}
Fault try_run(void* at) {
  return try_access([=] { reinterpret_cast<void (*)()>(at)(); });
}

constexpr unsigned char return_instruction = 0xc3;

void expect_fault(const Fault& fault, int code, const void* address) {
  EXPECT_EQ(fault.signal, SIGSEGV);
  EXPECT_EQ(fault.code, code);
  EXPECT_EQ(fault.address, address);
}

TEST(Fault, UnmappedIsMaperr) {
  Mapping mapping(2 * page_size);
  munmap(mapping.page(1), page_size);
  std::byte* at = mapping.page(1) + 123;
  expect_fault(try_read(at), SEGV_MAPERR, at);
  expect_fault(try_write(at), SEGV_MAPERR, at);
  expect_fault(try_run(at), SEGV_MAPERR, at);
  expect_fault(try_read(wild(0)), SEGV_MAPERR, wild(0));
}

TEST(Fault, KernelAddressesAreRefused) {
  const Fault fault = try_read((void*)0xffff'ffff'8000'0000);
  EXPECT_EQ(fault.signal, SIGSEGV);
  EXPECT_EQ(try_write((void*)0xffff'8000'0000'1000).signal, SIGSEGV);
  EXPECT_EQ(try_read((void*)0x0000'8000'0000'0000).signal, SIGSEGV);  // not canonical
  EXPECT_EQ(try_run((void*)0xffff'ffff'8000'0000).signal, SIGSEGV);
}

TEST(Fault, ProtectionIsAccerr) {
  Mapping mapping(3 * page_size);
  *mapping.page(0) = std::byte{5};
  ASSERT_OK(mprotect(mapping.page(0), page_size, PROT_READ));
  EXPECT_EQ(try_read(mapping.page(0)).signal, 0);
  expect_fault(try_write(mapping.page(0) + 7), SEGV_ACCERR, mapping.page(0) + 7);
  ASSERT_OK(mprotect(mapping.page(1), page_size, PROT_NONE));
  expect_fault(try_read(mapping.page(1)), SEGV_ACCERR, mapping.page(1));
  expect_fault(try_write(mapping.page(1)), SEGV_ACCERR, mapping.page(1));
  EXPECT_EQ(try_write(mapping.page(2)).signal, 0);
}

TEST(Fault, DataIsNotExecuted) {
  Mapping mapping(page_size);
  *mapping.as<unsigned char>() = return_instruction;
  expect_fault(try_run(mapping.page(0)), SEGV_ACCERR, mapping.page(0));
  ASSERT_OK(mprotect(mapping.page(0), page_size, PROT_READ | PROT_EXEC));
  EXPECT_EQ(try_run(mapping.page(0)).signal, 0);
  unsigned char on_stack[16] = {return_instruction};
  EXPECT_EQ(try_run(on_stack).signal, SIGSEGV);
}

TEST(Fault, CodeIsNotWritten) {
  EXPECT_EQ(try_write(reinterpret_cast<void*>(&try_read)).signal, SIGSEGV);
  static const char constant[] = "constant";
  EXPECT_EQ(try_write(const_cast<char*>(constant)).signal, SIGSEGV);
}

TEST(Protect, SplitsAndMergesBack) {
  Mapping mapping(9 * page_size);
  memset(mapping.page(0), 'x', mapping.length());
  ASSERT_OK(mprotect(mapping.page(3), 3 * page_size, PROT_READ));
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(try_write(mapping.page(i)).signal, i >= 3 && i < 6 ? SIGSEGV : 0) << i;
    EXPECT_EQ(mapping.as()[i * page_size + 1], 'x');
  }
  ASSERT_OK(mprotect(mapping.page(0), mapping.length(), PROT_READ | PROT_WRITE));
  for (int i = 0; i < 9; ++i) EXPECT_EQ(try_write(mapping.page(i)).signal, 0);
}

TEST(Protect, NoneKeepsTheBytes) {
  Mapping mapping(page_size);
  strcpy(mapping.as(), "kept");
  ASSERT_OK(mprotect(mapping.page(0), page_size, PROT_NONE));
  ASSERT_OK(mprotect(mapping.page(0), page_size, PROT_READ));
  EXPECT_STREQ(mapping.as(), "kept");
}

TEST(Protect, Errors) {
  Mapping mapping(3 * page_size);
  EXPECT_ERRNO(EINVAL, mprotect(mapping.page(0) + 1, page_size, PROT_READ));
  EXPECT_ERRNO(EINVAL, mprotect(mapping.page(0), page_size, 0x4000));
  ASSERT_OK(munmap(mapping.page(1), page_size));
  EXPECT_ERRNO(ENOMEM, mprotect(mapping.page(0), 3 * page_size, PROT_READ));
  EXPECT_ERRNO(ENOMEM, mprotect(mapping.page(1), page_size, PROT_READ));
  EXPECT_OK(mprotect(mapping.page(0), 0, PROT_READ));
}

TEST(Protect, EachPageOfManyInTurn) {
  constexpr std::size_t count = 64;
  Mapping mapping(count * page_size);
  for (std::size_t i = 0; i < count; i += 2) ASSERT_OK(mprotect(mapping.page(i), page_size, PROT_NONE));
  for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(try_write(mapping.page(i)).signal, i % 2 ? 0 : SIGSEGV);
}

TEST(Protect, HandlerCanRepairAndRetry) {
  static int faults;
  Mapping mapping(4 * page_size, PROT_NONE);
  faults = 0;
  struct sigaction action{}, before{};
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = [](int, siginfo_t* info, void*) {
    ++faults;
    auto* page = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(info->si_addr) & ~(page_size - 1));
    mprotect(page, page_size, PROT_READ | PROT_WRITE);
  };
  sigaction(SIGSEGV, &action, &before);
  for (int i = 0; i < 4; ++i) mapping.as<volatile char>()[i * page_size + 17] = static_cast<char>('0' + i);
  sigaction(SIGSEGV, &before, nullptr);
  EXPECT_EQ(faults, 4);
  EXPECT_EQ(mapping.as()[2 * page_size + 17], '2');
}

TEST(Protect, SystemCallsRespectIt) {
  Mapping mapping(2 * page_size);
  ASSERT_OK(mprotect(mapping.page(0), page_size, PROT_READ));
  ASSERT_OK(mprotect(mapping.page(1), page_size, PROT_NONE));
  int ends[2];
  ASSERT_OK(pipe(ends));
  EXPECT_EQ(write(ends[1], mapping.page(0), 10), 10);
  EXPECT_ERRNO(EFAULT, write(ends[1], mapping.page(1), 10));
  EXPECT_ERRNO(EFAULT, read(ends[0], mapping.page(0), 10));
  close(ends[0]);
  close(ends[1]);
}

// Keeps a block in its frame: the compiler may neither drop it nor turn the recursion into a loop.
void keep(char* block) { asm volatile("" : : "r"(block) : "memory"); }

[[gnu::noinline]] std::size_t use_stack(std::size_t bytes) {
  char block[3000];
  memset(block, static_cast<int>(bytes), sizeof block);
  keep(block);
  const std::size_t below = bytes < sizeof block ? 0 : use_stack(bytes - sizeof block);
  keep(block);
  return below + (block[0] == static_cast<char>(bytes) && block[2999] == block[0]);
}

TEST(Stack, GrowsToItsLimit) {
  // 6 MB of the usual 8 MB; a smaller limit of the machine leaves a smaller share.
  rlimit limit{};
  ASSERT_OK(getrlimit(RLIMIT_STACK, &limit));
  const std::size_t bytes = std::min<rlim_t>(limit.rlim_cur, 8UL << 20) / 4 * 3;
  EXPECT_TRUE(run([&] { return use_stack(bytes) == bytes / 3000 + 1 ? 0 : 1; }).exited(0));
}

volatile bool go_on = true;

[[gnu::noinline]] int endless(int depth) {
  char block[1000];
  block[0] = static_cast<char>(depth);
  keep(block);
  const int below = go_on ? endless(depth + 1) : 0;
  keep(block);
  return below + block[0];
}

TEST(Stack, EndlessRecursionDies) {
  EXPECT_KILLED_BY(SIGSEGV, {
    const rlimit limit{1 << 20, 1 << 20};
    setrlimit(RLIMIT_STACK, &limit);
    return endless(0);
  });
}

TEST(Stack, LimitIsEnforcedAtOnce) {
  EXPECT_KILLED_BY(SIGSEGV, {
    const rlimit limit{512 << 10, 512 << 10};
    setrlimit(RLIMIT_STACK, &limit);
    return use_stack(2 << 20) > 0 ? 0 : 1;
  });
}

TEST(Stack, OverflowIsCaughtOnTheAlternateStack) {
  EXPECT_CHILD({
    static char alternate[64 * 1024];
    const stack_t stack{alternate, 0, sizeof alternate};
    ASSERT_OK(sigaltstack(&stack, nullptr));
    struct sigaction action{};
    action.sa_flags = SA_ONSTACK | SA_SIGINFO;
    action.sa_sigaction = on_fault;
    ASSERT_OK(sigaction(SIGSEGV, &action, nullptr));
    const rlimit limit{1 << 20, 1 << 20};
    setrlimit(RLIMIT_STACK, &limit);
    if (sigsetjmp(after_fault, 1) == 0) {
      endless(0);
      ADD_FAILURE() << "the recursion returned";
    }
    EXPECT_EQ(saved_info.si_signo, SIGSEGV);
  });
}

}  // namespace
}  // namespace cv6::guest
