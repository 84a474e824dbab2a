// Every allocation of an operation fails once, the first, the second, the third ... until one of them has all it needs. The
// operation then says that there is no memory, or does without; nothing is left of it when its process has ended. The debug
// build of cv6 can do that, by the file fail-nth that Linux' fault injection has too.
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/socket.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

constexpr std::size_t page = 4096;

// What fails with errno ends the operation with it.
int failed_line = 0;
#define DO(call) \
  if ((call) == -1) return failed_line = __LINE__, errno

using Operation = int (*)();  // 0, or the errno of what failed

// Of the calling thread.
class FailNth {
 public:
  FailNth() : file_(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC)) {}
  bool there() const { return file_ >= 0; }
  void arm(unsigned n) const {
    const std::string text = std::to_string(n);
    ASSERT_EQ(write(file_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // Looking takes memory as well: if that fails, nothing else has.
  bool happened() const {
    char text[16] = {};
    return pread(file_, text, sizeof text, 0) > 0 && atoi(text) == 0;
  }
  void disarm() const {
    while (write(file_, "0", 1) != 1) {}  // what is left may hit this write
  }

 private:
  Descriptor file_;
};

class FailingAllocation : public TempDir {
 protected:
  void SetUp() override {
    TempDir::SetUp();
    if (!FailNth().there()) GTEST_SKIP() << "allocations fail on purpose in the debug build only";
  }

  enum class End { goes_on, had_all, wrong };
  static End run_with_failure(unsigned n, Operation operation, bool& refused) {
    const Ending ending = run([&]() -> int {
      const FailNth failure;
      failure.arm(n);
      const int error = operation();
      const bool happened = failure.happened();
      failure.disarm();
      if (!happened) return error == 0 || error == ENOMEM ? 2 : 9;  // ENOMEM: of the look at the end
      if (error != 0 && error != ENOMEM && error != EAGAIN && error != ENOSPC && error != ENOLCK) {
        printf("the failure of allocation %u: line %d: %s\n", n, failed_line, strerrorname_np(error));
        fflush(stdout);
        return 9;
      }
      return error != 0 ? 1 : 0;
    });
    refused = refused || ending.exited(1);
    if (ending.exited(0) || ending.exited(1)) return End::goes_on;
    EXPECT_TRUE(ending.exited(2)) << "allocation " << n << ": " << ending;
    return ending.exited(2) ? End::had_all : End::wrong;
  }

  static void fail_each(Operation operation) {
    ASSERT_TRUE(run(operation).exited(0)) << "it works when nothing fails";
    const ObjectCounts before = lasting(count_objects());
    bool refused = false;
    End end = End::goes_on;
    unsigned n = 0;
    while (end == End::goes_on && n < 3000) end = run_with_failure(++n, operation, refused);
    EXPECT_EQ(end, End::had_all) << n;
    EXPECT_TRUE(refused) << "something says that there is no memory";
    expect_as(before);
  }

  // What a container has taken in all is not looked at: names that are remembered are charged to where the test runs.
  static void expect_as(const ObjectCounts& before) {
    std::string more;
    EXPECT_TRUE(wait_until([&] {
      ObjectCounts after = lasting(count_objects());
      std::erase_if(after, [](const auto& entry) { return entry.first.starts_with("memory of "); });
      return (more = growth(before, after)).empty();
    })) << more;
  }
};

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) == -1)
    if (errno != EINTR) return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
}

TEST_F(FailingAllocation, Files) {
  fail_each([] {
    unlink("moved"), unlink("linked"), unlink("symbolic"), unlink("made"), rmdir("directory");
    const Descriptor file(open("made", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    DO(file);
    char bytes[5 * page] = {};
    DO(write(file, bytes, sizeof bytes));
    DO(lseek(file, 0, SEEK_SET));
    DO(read(file, bytes, sizeof bytes));
    DO(ftruncate(file, page / 2));
    DO(fallocate(file, 0, 0, 20 * page));
    DO(mkdir("directory", 0700));
    DO(link("made", "linked"));
    DO(symlink("made", "symbolic"));
    DO(rename("made", "moved"));
    struct flock lock{.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10, .l_pid = 0};
    DO(fcntl(file, F_SETLK, &lock));
    lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = 3, .l_len = 2, .l_pid = 0};
    DO(fcntl(file, F_SETLK, &lock));
    DO(flock(file, LOCK_EX));
    const Descriptor here(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    DO(here);
    char entries[2048];
    DO(syscall(SYS_getdents64, static_cast<int>(here), entries, sizeof entries));
    return 0;
  });
}

TEST_F(FailingAllocation, PipesAndDescriptors) {
  fail_each([] {
    int ends[2];
    DO(pipe2(ends, O_CLOEXEC));
    DO(fcntl(ends[1], F_SETPIPE_SZ, 1 << 18));
    char bytes[3 * page] = {};
    DO(write(ends[1], bytes, sizeof bytes));
    DO(read(ends[0], bytes, sizeof bytes));
    DO(dup2(ends[0], 900));
    pollfd wanted[64];
    for (pollfd& one : wanted) one = {ends[0], POLLIN, 0};
    DO(poll(wanted, 64, 1));
    const int memory = memfd_create("m", MFD_CLOEXEC);
    DO(memory);
    DO(ftruncate(memory, 10 * page));
    const int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    DO(terminal);
    DO(unlockpt(terminal));
    DO(write(terminal, "typed\n", 6));
    return 0;
  });
}

TEST_F(FailingAllocation, Sockets) {
  fail_each([] {
    unlink("s");
    int ends[2];
    DO(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    char bytes[20 * page] = {};
    DO(send(ends[0], bytes, 1, MSG_NOSIGNAL));
    DO(send(ends[0], bytes, sizeof bytes, MSG_NOSIGNAL));
    DO(recv(ends[1], bytes, sizeof bytes, 0));
    DO(set_option(ends[1], SO_PASSCRED, 1));
    DO(pass_files(ends[0], {ends[0], 0}, "ff"));
    const Received peeked = receive_control(ends[1], 1, MSG_PEEK);
    DO(peeked.size);
    const Received taken = receive_control(ends[1], 1);
    DO(taken.size);
    const Descriptor listener(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)), client(dup(ends[0]));
    DO(listener);
    DO(bind_to(listener, "s"));
    DO(listen(listener, 1));
    const Descriptor other(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    DO(other);
    DO(connect_to(other, "s"));
    DO(pass_files(other, {client}));
    const Descriptor server(accept(listener, nullptr, nullptr));
    DO(server);
    const Descriptor datagrams(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    DO(datagrams);
    sockaddr any{.sa_family = AF_UNIX, .sa_data = {}};
    DO(bind(datagrams, &any, sizeof any.sa_family));
    return 0;
  });
}

TEST_F(FailingAllocation, Memory) {
  fail_each([] {
    constexpr std::size_t size = 16 * page;
    char* memory = static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    DO(reinterpret_cast<long>(memory));
    for (std::size_t at = 0; at < size; at += page) memory[at] = 1;
    DO(mprotect(memory + page, page, PROT_READ));
    DO(munmap(memory + 4 * page, page));
    DO(madvise(memory + 6 * page, page, MADV_DONTNEED));
    void* const moved = mremap(memory + 8 * page, 8 * page, 64 * page, MREMAP_MAYMOVE);
    DO(reinterpret_cast<long>(moved));
    const pid_t child = fork();
    DO(child);
    if (child == 0) {
      for (std::size_t at = 0; at < 4 * page; at += 2 * page) memory[at] = 2;
      _exit(0);
    }
    memory[2 * page] = 3;
    return wait_for(child);
  });
}

TEST_F(FailingAllocation, Processes) {
  fail_each([] {
    const pid_t child = fork();
    DO(child);
    if (child == 0) {
      execl("/bin/busybox", "true", nullptr);
      _exit(errno == ENOMEM || errno == EAGAIN ? errno : EFAULT);
    }
    if (const int error = wait_for(child)) return error;
    DO(setpgid(0, 0));
    return 0;
  });
}

// In the process itself. What comes of it is not asked: beyond the point where there is no way back the process is killed, and
// what the new program makes of its first failure is its own affair.
TEST_F(FailingAllocation, Exec) {
  const ObjectCounts before = lasting(count_objects());
  for (unsigned n = 1; n <= 150; ++n)
    run([&] {
      FailNth().arm(n);
      execl("/bin/busybox", "true", nullptr);
      return 1;
    });
  expect_as(before);
}

TEST_F(FailingAllocation, Threads) {
  fail_each([] {
    pthread_t thread;
    const int error = pthread_create(&thread, nullptr, [](void*) -> void* { return nullptr; }, nullptr);
    if (error) return error;
    return pthread_join(thread, nullptr);
  });
}

TEST_F(FailingAllocation, SignalsAndTimers) {
  fail_each([] {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    DO(sigprocmask(SIG_BLOCK, &set, nullptr));
    DO(sigqueue(getpid(), SIGRTMIN, {}));
    const timespec at_once{};
    DO(sigtimedwait(&set, nullptr, &at_once));
    timer_t timer;
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGRTMIN;
    DO(timer_create(CLOCK_MONOTONIC, &event, &timer));
    DO(timer_delete(timer));
    const timespec soon{0, 1000};
    DO(nanosleep(&soon, nullptr));
    return 0;
  });
}

int read_all(const char* path) {
  const Descriptor file(open(path, O_RDONLY | O_CLOEXEC));
  DO(file);
  char text[512];
  for (ssize_t size; (size = read(file, text, sizeof text)) != 0;) DO(size);
  return 0;
}

TEST_F(FailingAllocation, Proc) {
  fail_each([] {
    for (const char* path : {"/proc/self/status", "/proc/self/maps", "/proc/self/mountinfo", "/proc/self/cmdline", "/proc/self/stat",
                             "/proc/meminfo", "/proc/cv6/objects", "/proc/self/cgroup"})
      if (const int error = read_all(path)) return error;
    const Descriptor here(open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    DO(here);
    char entries[512];
    DO(syscall(SYS_getdents64, static_cast<int>(here), entries, sizeof entries));
    char target[256];
    DO(readlink("/proc/self/exe", target, sizeof target));
    return 0;
  });
}

// --- containers -------------------------------------------------------------------------------------------------------

// Created, and destroyed at the end whatever has failed: destroying never fails for want of memory.
template <class Life>
int with_container(const ContainerCreate& wanted, Life life) {
  const int id = create_container(wanted);
  DO(id);
  const int error = life(id);
  DO(destroy_container(id));
  return error;
}

// What fails once for want of memory can be done again.
int leave(int error) {
  if (leave_container() == 0) return error;
  if (errno != ENOMEM || leave_container() != 0) return EFAULT;
  return ENOMEM;
}

TEST_F(FailingAllocation, ContainersAreCreatedAndDestroyed) {
  fail_each([] { return with_container({}, [](int) { return 0; }); });
}

int join_fork_and_leave() {
  return with_container({}, [](int id) {
    DO(join_container(id));
    const pid_t child = fork();
    const int error = child == -1 ? errno : 0;
    if (child == 0) _exit(0);
    const int ended = child > 0 ? wait_for(child) : 0;
    return leave(error ? error : ended);
  });
}

// Who has no memory left must be able to see what to remove.
TEST_F(FailingAllocation, NamesAreListedAllTheSame) {
  write_file("name", "");
  const Descriptor here = open_file(".", O_RDONLY | O_DIRECTORY);
  const FailNth failure;
  alignas(8) char entries[4096];
  failure.arm(1);
  const long listed = syscall(SYS_getdents64, static_cast<int>(here), entries, sizeof entries);
  const bool happened = failure.happened();
  failure.disarm();
  EXPECT_GT(listed, 0);
  EXPECT_TRUE(happened);
}

TEST_F(FailingAllocation, JoinForkAndLeave) { fail_each(join_fork_and_leave); }

TEST_F(FailingAllocation, CopyOnWrite) {
  write_file("shared", std::string(20'000, 's'));
  write_file("mapped", std::string(20'000, 'm'));
  ASSERT_OK(mkdir("folder", 0755));
  write_file("folder/inner", "i");
  fail_each([] {
    return with_container({}, [](int id) {
      DO(join_container(id));
      const auto change = [] {
        const Descriptor file(open("shared", O_WRONLY | O_CLOEXEC));
        DO(file);
        DO(write(file, "x", 1));
        DO(ftruncate(file, 100'000));
        DO(rename("folder/inner", "moved"));
        DO(mkdir("folder/made", 0700));
        DO(unlink("shared"));
        const Descriptor mapped(open("mapped", O_RDWR | O_CLOEXEC));
        DO(mapped);
        void* const memory = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, mapped, 0);
        DO(reinterpret_cast<long>(memory));
        *static_cast<volatile char*>(memory) = 'y';
        return 0;
      };
      return leave(change());
    });
  });
  EXPECT_EQ(read_file("shared"), std::string(20'000, 's'));
  EXPECT_EQ(read_file("mapped"), std::string(20'000, 'm'));
  EXPECT_EQ(read_file("folder/inner"), "i");
}

// Where each process has a number at each of a dozen levels.
int in_depth(int levels, const std::function<int()>& body) {
  if (levels == 0) return body();
  const Box box(nesting());
  const pid_t resident = box.start_resident([&] { EXPECT_EQ(in_depth(levels - 1, body), 0); });
  return reap(resident).exited(0) ? 0 : 1;
}

TEST_F(FailingAllocation, DeepDown) {
  EXPECT_EQ(in_depth(12, [] {
    fail_each(join_fork_and_leave);
    return 0;
  }), 0);
}

TEST_F(FailingAllocation, SpawnedProcesses) {
  fail_each([] {
    return with_container({}, [](int id) {
      const pid_t child = spawn_helper(id, "container-exit", {"0"});
      DO(child);
      return wait_for(child);
    });
  });
}

// One of twenty fails, in a whole family of processes.
TEST_F(FailingAllocation, ByChance) {
  const ObjectCounts before = lasting(count_objects());
  for (int round = 0; round < 30; ++round) {
    const pid_t child = spawn([round]() -> int {
      const Descriptor chance(open("/proc/self/make-it-fail", O_RDWR | O_CLOEXEC));
      if (dprintf(chance, "%d", 5 + round) <= 0) return 1;
      execl("/bin/busybox", "sh", "-c", "for i in 1 2 3 4 5; do echo $i | cat | (cat; ls /proc/self/fd) > out$i; mkdir d$i; done; box run sh -c ls",
            nullptr);
      return 0;
    });
    ASSERT_GT(child, 0);
    reap(child);
  }
  for (const char* made : {"1", "2", "3", "4", "5"}) unlink((std::string("out") + made).c_str()), rmdir((std::string("d") + made).c_str());
  expect_as(before);
}

// Where all failed, nothing could go on. Programs for Linux write 1 there, where it means that some may fail.
TEST_F(FailingAllocation, NotAllByChance) {
  const Descriptor chance(open("/proc/self/make-it-fail", O_RDWR | O_CLOEXEC));
  EXPECT_ERRNO(EINVAL, write(chance, "1", 1));
  EXPECT_EQ(write(chance, "0", 1), 1);
}

}  // namespace
}  // namespace cv6::guest
