// Bombs of small things: each kind of object that a program can make in numbers is charged to its container, so that the
// memory limit ends the making, with the errno of the call, and nobody outside pays.

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <vector>

#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/socket.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

// A process or a thread that does nothing, and touches no memory while it does it.
long start_idle(unsigned long flags) {
  long result;
  asm volatile(
      "xor %%edx, %%edx\n xor %%r10d, %%r10d\n xor %%r8d, %%r8d\n syscall\n test %%rax, %%rax\n jnz 2f\n"
      "1: mov %[pause], %%eax\n syscall\n jmp 1b\n 2:"
      : "=a"(result)
      : "a"(SYS_clone), "D"(flags), "S"(0), [pause] "i"(SYS_pause)
      : "rcx", "rdx", "r8", "r10", "r11", "memory");
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

// A process that is at its end at once, and touches no memory: its parent, which waits so long, is sent the signal.
long start_and_end(int signal) {
  long result;
  asm volatile(
      "xor %%edx, %%edx\n xor %%r10d, %%r10d\n xor %%r8d, %%r8d\n syscall\n test %%rax, %%rax\n jnz 1f\n"
      "mov %[exit], %%eax\n xor %%edi, %%edi\n syscall\n 1:"
      : "=a"(result)
      : "a"(SYS_clone), "D"(CLONE_VM | CLONE_VFORK | signal), "S"(0), [exit] "i"(SYS_exit)
      : "rcx", "rdx", "r8", "r10", "r11", "memory");
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

class ContainerMemoryBombs : public ContainersAndFiles {
 protected:
  // What the bomb tells: in memory of the host's, because inside there is none left to tell it with.
  struct Told {
    long made;
    int error;
  };

  // Inside, `make` is called until it fails: with `error`, before the `most`-th time.
  void expect_ended(int error, long most, const std::function<long(long)>& make, std::uint64_t bytes = 3 << 20) {
    ObjectCounts before = count_objects();
    const Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    auto& told = *shared.as<volatile Told>();
    told.made = -1;
    {
      Box box(nesting());
      box.set_limit(ContainerLimit::Kind::memory, bytes);
      const Ending ending = run([&]() -> int {
        const rlimit files{1 << 20, 1 << 20}, signals{1 << 16, 1 << 16}, much{RLIM_INFINITY, RLIM_INFINITY};
        if (join_container(box.id()) != 0 || setrlimit(RLIMIT_NOFILE, &files) != 0 ||
            setrlimit(RLIMIT_SIGPENDING, &signals) != 0 || setrlimit(RLIMIT_NPROC, &much) != 0)
          _exit(1);
        long made = 0;
        told.made = -2;  // the page is there from now on
        errno = 0;
        while (made < most && make(made) != -1) ++made;
        told.error = errno;
        told.made = made;
        _exit(0);
      });
      EXPECT_TRUE(ending.exited(0)) << ending;
      EXPECT_LT(told.made, most) << "nothing ended it";
      EXPECT_EQ(told.error, error) << strerrorname_np(told.error) << " after " << told.made;
      const ContainerLimit limit = box.limit(ContainerLimit::Kind::memory);
      EXPECT_GE(limit.refusals, 1u);
      EXPECT_EQ(limit.victims, 0u);
      EXPECT_LE(limit.peak, bytes + 16 * page_size);
    }
    EXPECT_TRUE(wait_until([&] { return count_objects()["guest_memory"] == before["guest_memory"]; }))
        << growth(before, count_objects());
  }
};

TEST_F(ContainerMemoryBombs, Processes) {
  expect_ended(ENOMEM, 5000, [](long) { return start_idle(CLONE_VM | SIGCHLD); });
}

TEST_F(ContainerMemoryBombs, Zombies) {
  expect_ended(ENOMEM, 100'000, [](long) -> long {
    const pid_t child = vfork();
    if (child == 0) _exit(0);
    return child;
  });
}

TEST_F(ContainerMemoryBombs, Threads) {
  expect_ended(ENOMEM, 5000, [](long) {
    return start_idle(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM);
  });
}

TEST_F(ContainerMemoryBombs, Pipes) {
  expect_ended(ENOMEM, 100'000, [](long) -> long {
    int ends[2];
    return pipe(ends);
  });
}

TEST_F(ContainerMemoryBombs, FullPipes) {
  expect_ended(ENOMEM, 1000, [](long) -> long {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK) != 0) return -1;
    static const std::vector<char> text(64 * 1024, 'x');
    ssize_t written = write(ends[1], text.data(), text.size());
    if (written > 0 && written < ssize_t(text.size())) written = write(ends[1], text.data(), text.size());
    return written;
  });
}

TEST_F(ContainerMemoryBombs, Sockets) {
  expect_ended(ENOMEM, 100'000, [](long) -> long { return socket(AF_UNIX, SOCK_STREAM, 0); });
}

// Each as full as its sender may fill it.
TEST_F(ContainerMemoryBombs, FullSockets) {
  expect_ended(ENOMEM, 1000, [](long) -> long {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) return -1;
    static char block[30'000];
    while (write(ends[0], block, sizeof block) > 0) {
    }
    return errno == EAGAIN ? 0 : -1;
  });
}

// One more message: to the socket that has room, or to the next one.
long send_one_more(long made, const std::function<long(int)>& send_to) {
  static int ends[2];
  const auto next_pair = [] { return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends); };
  if (made == 0 && next_pair() != 0) return -1;
  const long sent = send_to(ends[0]);
  if (sent != -1 || errno != EAGAIN) return sent;
  return next_pair() == 0 ? send_to(ends[0]) : -1;
}

TEST_F(ContainerMemoryBombs, EmptyMessages) {
  expect_ended(ENOMEM, 1'000'000, [](long made) {
    return send_one_more(made, [](int socket) -> long { return send(socket, "", 0, 0); });
  });
}

TEST_F(ContainerMemoryBombs, PassedFiles) {
  expect_ended(ENOMEM, 100'000, [](long made) {
    return send_one_more(made, [](int socket) -> long { return pass_files(socket, {socket}); });
  });
}

TEST_F(ContainerMemoryBombs, WaitingConnections) {
  expect_ended(ENOMEM, 100'000, [](long made) -> long {
    static int listener;
    if (made % 2000 == 0) {  // as many as wait at one
      listener = socket(AF_UNIX, SOCK_STREAM, 0);
      sockaddr any{.sa_family = AF_UNIX, .sa_data = {}};
      if (listener < 0 || bind(listener, &any, sizeof any.sa_family) != 0 || listen(listener, 4000) != 0) return -1;
    }
    sockaddr_un address{};
    socklen_t size = sizeof address;
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    const int client = socket(AF_UNIX, SOCK_STREAM, 0);
    return client < 0 ? -1 : connect(client, reinterpret_cast<sockaddr*>(&address), size);
  });
}

TEST_F(ContainerMemoryBombs, OpenFiles) {
  write_file("file", "text");
  expect_ended(ENOMEM, 200'000, [](long) -> long { return open("file", O_RDONLY); });
}

TEST_F(ContainerMemoryBombs, OpenDirectories) {
  expect_ended(ENOMEM, 200'000, [](long) -> long { return open(".", O_RDONLY | O_DIRECTORY); });
}

TEST_F(ContainerMemoryBombs, DescriptorTables) {
  expect_ended(ENOMEM, 2, [](long) -> long { return dup2(0, (1 << 20) - 1); });
}

TEST_F(ContainerMemoryBombs, MemoryFiles) {
  expect_ended(ENOMEM, 100'000, [](long) -> long { return memfd_create("bomb", 0); });
}

TEST_F(ContainerMemoryBombs, QueuedSignals) {
  expect_ended(EAGAIN, 1'000'000, [](long made) -> long {
    if (made == 0) {
      sigset_t all;
      sigfillset(&all);
      sigprocmask(SIG_BLOCK, &all, nullptr);
    }
    return sigqueue(getpid(), SIGRTMIN + 1, sigval{});
  });
}

// They are gone through with interrupts off, whoever's memory it is.
TEST_F(ContainerMemoryBombs, QueuedSignalsAreLimitedForRootToo) {
  Box box(nesting());
  EXPECT_CHILD({
    const rlimit much{RLIM_INFINITY, RLIM_INFINITY};
    ASSERT_OK(join_container(box.id()));
    ASSERT_OK(setrlimit(RLIMIT_SIGPENDING, &much));
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, nullptr);
    long made = 0;
    while (made <= 1 << 16 && sigqueue(getpid(), SIGRTMIN + 1, sigval{}) == 0) ++made;
    EXPECT_EQ(made, 1 << 16);
    EXPECT_EQ(errno, EAGAIN);
  });
}

// The kernel sends them, but they wait where those of other processes do.
TEST_F(ContainerMemoryBombs, SignalsOfEndedChildren) {
  expect_ended(ENOMEM, 100'000, [](long made) -> long {
    if (made == 0) {
      sigset_t all;
      sigfillset(&all);
      sigprocmask(SIG_BLOCK, &all, nullptr);
    }
    const long child = start_and_end(SIGRTMIN);
    return child == -1 ? -1 : syscall(SYS_wait4, child, nullptr, __WALL, nullptr);
  }, 1 << 20);
}

TEST_F(ContainerMemoryBombs, Timers) {
  expect_ended(ENOMEM, 100'000, [](long) -> long {
    sigevent event{};
    event.sigev_notify = SIGEV_NONE;
    int timer;
    return syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer);
  }, 1 << 20);
}

TEST_F(ContainerMemoryBombs, RecordLocks) {
  constexpr long of_file = 4000, count = 20;  // a file may not have many more
  expect_ended(ENOLCK, of_file * count, [](long made) -> long {
    static int files[count];
    if (made == 0)
      for (int& file : files) file = open(std::to_string(&file - files).c_str(), O_RDWR | O_CREAT, 0644);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_start = 2 * (of_file - made % of_file);
    lock.l_len = 1;
    return fcntl(files[made / of_file], F_SETLK, &lock);
  }, 1 << 20);
}

TEST_F(ContainerMemoryBombs, Mappings) {
  expect_ended(ENOMEM, 1'000'000, [](long made) -> long {
    const void* at = mmap(nullptr, page_size, made % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? -1 : 0;
  });
}

TEST_F(ContainerMemoryBombs, SharedMappings) {
  expect_ended(ENOMEM, 1'000'000, [](long) -> long {
    const void* at = mmap(nullptr, page_size, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? -1 : 0;
  });
}

TEST_F(ContainerMemoryBombs, Directories) {
  expect_ended(ENOSPC, 1'000'000, [](long made) -> long { return mkdir(("d" + std::to_string(made)).c_str(), 0755); });
}

TEST_F(ContainerMemoryBombs, Names) {
  expect_ended(ENOSPC, 1'000'000, [](long made) -> long {
    if (made == 0) write_file("one", "");
    return link("one", ("l" + std::to_string(made) + std::string(200, 'x')).c_str());
  });
}

// A file that is only shown is kept by its new name.
TEST_F(ContainerMemoryBombs, RenamedFiles) {
  constexpr long count = 6000;
  for (long i = 0; i < count; ++i) write_file("f" + std::to_string(i), "");
  expect_ended(ENOSPC, count, [](long made) -> long {
    const std::string number = std::to_string(made);
    return rename(("f" + number).c_str(), ("g" + number).c_str());
  });
}

TEST_F(ContainerMemoryBombs, FilesWithHoles) {
  expect_ended(ENOSPC, 100'000, [](long made) -> long {
    static const int file = open("holes", O_RDWR | O_CREAT, 0644);
    return pwrite(file, "x", 1, made << 30);
  });
}

TEST_F(ContainerMemoryBombs, LongWaits) {
  expect_ended(ENOMEM, 2, [](long) -> long {
    const Mapping list(500'000 * sizeof(pollfd));  // the page of zeros: standard input, again and again
    return poll(list.as<pollfd>(), 500'000, 0);
  });
}

TEST_F(ContainerMemoryBombs, Containers) {
  expect_ended(ENOMEM, 10'000, [](long) -> long { return create_container({}); });
}

}  // namespace
}  // namespace cv6::guest
