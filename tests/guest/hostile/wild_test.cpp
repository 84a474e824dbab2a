// A program that does everything wrong: every call with wild arguments, jumps to nowhere, endless growth.

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <random>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

// clang-format off
// Left out: calls that end, stop or replace the child or wait for ever on purpose, ...
constexpr int endings[] = {
    SYS_exit, SYS_exit_group, SYS_pause, SYS_vhangup, SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigreturn, SYS_ptrace,
    SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_vfork, SYS_fork, SYS_clone, SYS_clone3, SYS_rt_sigsuspend,
    SYS_rt_sigtimedwait, SYS_seccomp, SYS_poll, SYS_select, SYS_epoll_wait, SYS_futex_waitv, SYS_pidfd_send_signal,
    SYS_setrlimit, SYS_userfaultfd, SYS_setsid, SYS_alarm, SYS_setitimer, SYS_timer_settime,
};
// ... that take away the ground it stands on: its memory, its descriptors, its rights, ...
constexpr int foundations[] = {
    SYS_munmap, SYS_mremap, SYS_mprotect, SYS_pkey_mprotect, SYS_brk, SYS_mmap, SYS_arch_prctl, SYS_madvise,
    SYS_shmat, SYS_close_range, SYS_close, SYS_remap_file_pages, SYS_dup2, SYS_dup3, SYS_prctl, SYS_setuid,
    SYS_setgid, SYS_process_madvise, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setfsuid,
    SYS_set_tid_address, SYS_setfsgid, SYS_setgroups, SYS_capset, SYS_chroot, SYS_unshare, SYS_setns,
};
// ... or that change the machine for everybody: the test must be harmless on a developer's Linux, where it is root.
constexpr int machine_wide[] = {
    SYS_reboot, SYS_swapon, SYS_swapoff, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_settimeofday, SYS_clock_settime,
    SYS_adjtimex, SYS_clock_adjtime, SYS_sethostname, SYS_setdomainname, SYS_iopl, SYS_ioperm, SYS_init_module,
    SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_kexec_file_load, SYS_acct, SYS_sync, SYS_syncfs,
    SYS_syslog, SYS_bpf, SYS_perf_event_open, SYS_quotactl, SYS_quotactl_fd, SYS_shmget, SYS_shmctl, SYS_semget, SYS_semctl,
    SYS_semop, SYS_semtimedop, SYS_msgget, SYS_msgctl, SYS_msgrcv, SYS_msgsnd, SYS_mq_open, SYS_mq_unlink,
    SYS_io_uring_setup, SYS_move_mount, SYS_open_tree, SYS_fsopen, SYS_fsmount, SYS_fspick, SYS_mount_setattr,
    SYS_setpriority, SYS_sched_setscheduler, SYS_sched_setattr, SYS_sched_setparam, SYS_sched_setaffinity,
    SYS_ioprio_set, SYS_migrate_pages, SYS_move_pages, SYS_prlimit64, SYS_fanotify_init, SYS_lookup_dcookie,
    SYS_mlockall, SYS_process_vm_writev, SYS_process_vm_readv, SYS_add_key, SYS_request_key, SYS_keyctl,
    SYS_open_by_handle_at, SYS_process_mrelease, SYS_uselib, SYS_sendfile, SYS_splice, SYS_setpgid,
};
// clang-format on

template <std::size_t size>
bool is_in(const int (&list)[size], int number) {
  return std::find(list, list + size, number) != list + size;
}

// 335 to 423 were never given to anybody but the kernel's own probes, which answer with SIGILL.
bool is_left_out(int number) {
  return (number >= 335 && number < 424) || is_in(endings, number) || is_in(foundations, number) ||
         is_in(machine_wide, number);
}

// Leaves the child nothing worth breaking: an empty root, a nameless file as its only descriptor 0 to 2, no file may
// grow.
void enter_empty_world() {
  const rlimit seconds{100, 100};
  setrlimit(RLIMIT_CPU, &seconds);
  const rlimit size{0, 0};
  setrlimit(RLIMIT_FSIZE, &size);
  for (const int number : {SIGXFSZ, SIGPIPE, SIGIO}) signal(number, SIG_IGN);
  struct sigaction nothing{};
  nothing.sa_handler = [](int) {};
  sigaction(SIGALRM, &nothing, nullptr);  // interrupts a call that waits
  const itimerval often{{0, 50'000}, {0, 50'000}};
  setitimer(ITIMER_REAL, &often, nullptr);
  const int file = open("nameless", O_RDWR | O_CREAT | O_EXCL, 0600);
  unlink("nameless");
  mkdir("empty", 0700);
  if (file == -1 || chroot("empty") == -1 || chdir("/") == -1) _exit(100);
  for (const int fd : {0, 1, 2}) dup2(file, fd);
  for (int fd = 3; fd < 200; ++fd) close(fd);
}

// One child makes the calls [first, last); it must get to the end, whatever they answer.
void call_all(int first, int last, long a, long b, long c, long d, long e, long f) {
  const Ending ending = run([=] {
    enter_empty_world();
    for (int number = first; number < last; ++number) {
      if (!is_left_out(number)) syscall(number, a, b, c, d, e, f);
    }
    return 0;
  });
  EXPECT_TRUE(ending.exited(0)) << "calls " << first << " to " << last << ": " << ending;
}

class Wild : public TempDir {};

TEST_F(Wild, PointersInEveryArgument) {
  for (const std::uintptr_t address : wild_addresses) {
    const long a = static_cast<long>(address);
    call_all(0, 451, a, a, a, a, a, a);
  }
}

TEST_F(Wild, PointersAfterAGoodDescriptor) {
  for (const std::uintptr_t address : wild_addresses) {
    const long a = static_cast<long>(address);
    call_all(0, 451, 0, a, 16, a, a, a);
    call_all(0, 451, 0, a, a, 8, a, a);
  }
}

TEST_F(Wild, LengthsThatOverflow) {
  Mapping page(page_size);
  const long good = reinterpret_cast<long>(page.page(0));
  for (const long length : {-1L, 0x7fffffffffffffffL, 0x7fffffffL, 0xffffffffL}) {
    call_all(0, 451, 0, good, length, length, length, length);
  }
}

TEST_F(Wild, NegativeEverything) { call_all(0, 451, -1, -1, -1, -1, -1, -1); }

TEST_F(Wild, PageThatMayOnlyBeRead) {
  Mapping page(page_size, PROT_READ);
  const long a = reinterpret_cast<long>(page.page(0));
  call_all(0, 451, a, a, a, a, a, a);
  call_all(0, 451, 0, a, 100, a, a, a);
}

TEST_F(Wild, JumpsToNowhere) {
  for (const std::uintptr_t address : {std::uintptr_t{0}, wild_addresses[0], wild_addresses[1], wild_addresses[2],
                                       wild_addresses[3], std::uintptr_t{0xffff'ffff'8000'0000}}) {
    const auto target = reinterpret_cast<void (*)()>(address);
    EXPECT_KILLED_BY(SIGSEGV, {
      auto volatile jump = target;
      jump();
    });
  }
}

TEST_F(Wild, StackPointerNowhere) {
  for (const std::uintptr_t address : wild_addresses) {
    const Ending ending = run([=]() -> int {
      asm volatile("mov %0, %%rsp; push %%rax" : : "r"(address) : "memory");
      return 0;
    });
    EXPECT_TRUE(ending.killed_by(SIGSEGV) || ending.killed_by(SIGBUS)) << ending;
  }
}

TEST_F(Wild, SystemCallWithStackPointerNowhere) {
  // The kernel must not touch the user's stack on entry.
  for (const std::uintptr_t address : wild_addresses) {
    EXPECT_TRUE(run([=]() -> int {
                  asm volatile("mov %0, %%rsp; mov $7, %%edi; mov $231, %%eax; syscall" : : "r"(address) : "memory");
                  return 1;
                }).exited(7));
  }
}

TEST_F(Wild, SystemCallAtTheEndOfMemory) {
  // A syscall instruction whose return address is the first byte after a mapping: the program dies, not the kernel.
  Mapping pages(2 * page_size, PROT_READ | PROT_WRITE | PROT_EXEC);
  auto* code = pages.as<unsigned char>(page_size - 7);
  const unsigned char bytes[] = {0xb8, 39, 0, 0, 0, 0x0f, 0x05};  // getpid()
  memcpy(code, bytes, sizeof bytes);
  ASSERT_OK(munmap(pages.page(1), page_size));
  EXPECT_KILLED_BY(SIGSEGV, { reinterpret_cast<void (*)()>(code)(); });
}

TEST_F(Wild, FlagsAcrossSystemCalls) {
  // The direction and alignment-check flags set on entry must not bother the kernel.
  EXPECT_TRUE(run([]() -> int {
                char path[8] = "/";
                long result = SYS_chdir;
                asm volatile("std; syscall; cld" : "+a"(result) : "D"(path) : "rcx", "r11", "memory", "cc");
                if (result != 0) return 1;
                result = SYS_chdir;
                asm volatile(
                    "sub $128, %%rsp; pushfq; orq $0x40000, (%%rsp); popfq; syscall;"
                    "pushfq; andq $~0x40000, (%%rsp); popfq; add $128, %%rsp"
                    : "+a"(result)
                    : "D"(path)
                    : "rcx", "r11", "memory", "cc");
                return static_cast<int>(result);
              }).exited(0));
}

TEST_F(Wild, SegmentRegisters) {
  EXPECT_TRUE(run([]() -> int {
                asm volatile("mov %0, %%ds; mov %0, %%es" : : "r"(0));
                for (int i = 0; i < 100; ++i) sched_yield();
                return getpid() > 0 ? 0 : 1;
              }).exited(0));
  EXPECT_KILLED_BY(SIGSEGV, { asm volatile("mov %0, %%ss" : : "r"(0xfff8)); });
}

TEST_F(Wild, MemoryUntilThereIsNoMore) {
  EXPECT_TRUE(run([] {
                const rlimit limit{512UL << 20, 512UL << 20};
                setrlimit(RLIMIT_AS, &limit);
                std::size_t total = 0;
                while (mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
                       MAP_FAILED) {
                  total += 1 << 20;
                }
                return errno == ENOMEM && total < (512UL << 20) ? 0 : 1;
              }).exited(0));
}

TEST_F(Wild, ForksUntilTheLimit) {
  EXPECT_CHILD({
    ASSERT_OK(become_lonely(RLIMIT_NPROC, 60));
    setpgid(0, 0);
    Pipe gate;
    int made = 0;
    for (;;) {
      const pid_t pid = spawn([&] {
        gate.write.close();
        gate.wait();
        return 0;
      });
      if (pid == -1) break;
      ++made;
    }
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_EQ(made, 59);
    gate.write.close();
    while (waitpid(-1, nullptr, 0) > 0) continue;
  });
}

TEST_F(Wild, RandomCalls) {
  // Random numbers and arguments from a fixed seed, mixed of wild, small and good values.
  for (unsigned seed = 1; seed <= 4; ++seed) {
    Mapping page(4 * page_size);
    const Ending ending = run([&] {
      enter_empty_world();
      std::mt19937_64 random(seed);
      const auto argument = [&]() -> long {
        switch (random() % 6) {
          case 0:
            return static_cast<long>(wild_addresses[random() % std::size(wild_addresses)]);
          case 1:
            return static_cast<long>(random() % 16);
          case 2:
            return reinterpret_cast<long>(page.page(0)) + static_cast<long>(random() % (5 * page_size));
          case 3:
            return static_cast<long>(random());
          case 4:
            return -1;
          default:
            return static_cast<long>(1) << (random() % 63);
        }
      };
      for (int i = 0; i < 3000; ++i) {
        const int number = static_cast<int>(random() % 451);
        if (is_left_out(number) || number == SYS_rt_sigaction || number == SYS_rt_sigprocmask) continue;
        syscall(number, argument(), argument(), argument(), argument(), argument(), argument());
      }
      return 0;
    });
    // A call may have changed handlers or limits of the child: it may die, the test goes on.
    EXPECT_TRUE(WIFEXITED(ending.status) || WIFSIGNALED(ending.status)) << seed << ": " << ending;
  }
}

}  // namespace
}  // namespace cv6::guest
