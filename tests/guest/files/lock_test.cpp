// Locks: flock, POSIX record locks and open file description locks, waiting and deadlock.

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <thread>

#include "support/child.hpp"
#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/helper.hpp"
#include "support/memory.hpp"
#include "support/soak.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class Locks : public TempDir {
 protected:
  void SetUp() override {
    TempDir::SetUp();
    write_file("f", std::string(1000, 'x'));
  }
  Descriptor open_it(int flags = O_RDWR) { return open_file("f", flags); }
};

// Executes itself as often as it is told, then says so and waits: TIMES, the descriptor to write to, the one to read.
const Helper execs_often{"exec-times", [](std::span<char*> arguments) {
                           if (const int times = atoi(arguments[0]))
                             become_helper("exec-times", {std::to_string(times - 1), arguments[1], arguments[2]});
                           char byte = '!';
                           if (write(atoi(arguments[1]), &byte, 1) != 1) return 1;
                           return read(atoi(arguments[2]), &byte, 1) == 1 ? 0 : 1;
                         }};

// Looks at the descriptors of another process for as long as it may.
pid_t spawn_onlooker(pid_t at) {
  return spawn([&]() -> int {
    for (const std::string path = "/proc/" + std::to_string(at) + "/fdinfo";;)
      if (DIR* directory = opendir(path.c_str())) {
        while (const dirent* entry = readdir(directory)) open_file((path + '/' + entry->d_name).c_str(), O_RDONLY);
        closedir(directory);
      }
  });
}

struct flock region(short type, off_t start, off_t length) { return {type, SEEK_SET, start, length, 0}; }

int record_lock(int fd, int command, short type, off_t start = 0, off_t length = 0) {
  struct flock lock = region(type, start, length);
  return fcntl(fd, command, &lock);
}

TEST_F(Locks, FlockExcludesOtherDescriptions) {
  Descriptor first = open_it();
  Descriptor second = open_it();
  ASSERT_OK(flock(first, LOCK_EX));
  EXPECT_ERRNO(EWOULDBLOCK, flock(second, LOCK_EX | LOCK_NB));
  EXPECT_ERRNO(EWOULDBLOCK, flock(second, LOCK_SH | LOCK_NB));
  EXPECT_OK(flock(first, LOCK_EX | LOCK_NB));
  ASSERT_OK(flock(first, LOCK_SH));
  EXPECT_OK(flock(second, LOCK_SH | LOCK_NB));
  EXPECT_ERRNO(EWOULDBLOCK, flock(first, LOCK_EX | LOCK_NB));
  ASSERT_OK(flock(second, LOCK_UN));
  EXPECT_OK(flock(first, LOCK_EX | LOCK_NB));
  EXPECT_ERRNO(EINVAL, flock(first, 77));
  EXPECT_ERRNO(EBADF, flock(-1, LOCK_EX));
}

TEST_F(Locks, FlockEndsWithTheLastDescriptor) {
  Descriptor second = open_it();
  {
    Descriptor first = open_it();
    ASSERT_OK(flock(first, LOCK_EX));
    Descriptor copy(dup(first));
    first.close();
    EXPECT_ERRNO(EWOULDBLOCK, flock(second, LOCK_EX | LOCK_NB));
  }
  EXPECT_OK(flock(second, LOCK_EX | LOCK_NB));
}

TEST_F(Locks, FlockIsSharedWithChildren) {
  Descriptor first = open_it();
  ASSERT_OK(flock(first, LOCK_EX));
  EXPECT_CHILD({
    EXPECT_OK(flock(first, LOCK_EX | LOCK_NB));
    Descriptor own = open_it();
    EXPECT_ERRNO(EWOULDBLOCK, flock(own, LOCK_EX | LOCK_NB));
    EXPECT_OK(flock(first, LOCK_UN));
  });
  Descriptor second = open_it();
  EXPECT_OK(flock(second, LOCK_EX | LOCK_NB));
}

TEST_F(Locks, FlockWaits) {
  Descriptor first = open_it();
  ASSERT_OK(flock(first, LOCK_EX));
  const pid_t pid = spawn([&] {
    first.close();
    Descriptor own = open_it();
    return flock(own, LOCK_EX);
  });
  ASSERT_TRUE(wait_until_blocked(pid));
  ASSERT_OK(flock(first, LOCK_UN));
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST_F(Locks, RecordLocksConflictBetweenProcesses) {
  Descriptor file = open_it();
  ASSERT_OK(record_lock(file, F_SETLK, F_WRLCK, 100, 50));
  EXPECT_OK(record_lock(file, F_SETLK, F_WRLCK, 120, 10));  // one's own locks never conflict
  EXPECT_CHILD({
    Descriptor own = open_it();
    const auto refused = [&](short type, off_t start, off_t length) {
      return record_lock(own, F_SETLK, type, start, length) == -1 && (errno == EAGAIN || errno == EACCES);
    };
    EXPECT_TRUE(refused(F_WRLCK, 149, 1));
    EXPECT_TRUE(refused(F_RDLCK, 0, 0));
    EXPECT_OK(record_lock(own, F_SETLK, F_WRLCK, 150, 10));
    EXPECT_OK(record_lock(own, F_SETLK, F_WRLCK, 0, 100));
    struct flock query = region(F_WRLCK, 90, 100);
    ASSERT_OK(fcntl(own, F_GETLK, &query));
    EXPECT_EQ(query.l_type, F_WRLCK);
    EXPECT_EQ(query.l_pid, getppid());
    EXPECT_EQ(query.l_start, 100);
    EXPECT_EQ(query.l_len, 50);
  });
}

TEST_F(Locks, GetlkOfAFreeRegion) {
  Descriptor file = open_it();
  struct flock query = region(F_WRLCK, 0, 10);
  ASSERT_OK(fcntl(file, F_GETLK, &query));
  EXPECT_EQ(query.l_type, F_UNLCK);
}

TEST_F(Locks, ReadersShareAndSplit) {
  Descriptor file = open_it();
  ASSERT_OK(record_lock(file, F_SETLK, F_RDLCK, 0, 100));
  ASSERT_OK(record_lock(file, F_SETLK, F_UNLCK, 40, 20));  // leaves two
  EXPECT_CHILD({
    Descriptor own = open_it();
    EXPECT_OK(record_lock(own, F_SETLK, F_RDLCK, 0, 100));
    EXPECT_OK(record_lock(own, F_SETLK, F_WRLCK, 40, 20));
    EXPECT_EQ(record_lock(own, F_SETLK, F_WRLCK, 39, 1), -1);
    EXPECT_EQ(record_lock(own, F_SETLK, F_WRLCK, 60, 1), -1);
  });
}

TEST_F(Locks, RecordLocksAreNotInherited) {
  Descriptor file = open_it();
  ASSERT_OK(record_lock(file, F_SETLK, F_WRLCK));
  EXPECT_CHILD({ EXPECT_EQ(record_lock(file, F_SETLK, F_WRLCK), -1); });
}

TEST_F(Locks, RecordLocksEndWithAnyCloseOfTheFile) {
  Descriptor file = open_it();
  ASSERT_OK(record_lock(file, F_SETLK, F_WRLCK));
  EXPECT_CHILD({
    Descriptor own = open_it();
    EXPECT_EQ(record_lock(own, F_SETLK, F_WRLCK), -1);
  });
  open_it().close();  // even another descriptor of the same file
  EXPECT_CHILD({
    Descriptor own = open_it();
    EXPECT_OK(record_lock(own, F_SETLK, F_WRLCK));
  });
}

TEST_F(Locks, RecordLockWaitsForTheEndOfTheHolder) {
  Pipe locked;
  Pipe gate;
  const pid_t holder = spawn([&] {
    gate.write.close();
    Descriptor own = open_it();
    if (record_lock(own, F_SETLKW, F_WRLCK) == -1) return 1;
    locked.notify();
    gate.wait();
    return 0;
  });
  ASSERT_TRUE(locked.wait());
  const pid_t waiter = spawn([&] {
    gate.write.close();
    Descriptor own = open_it();
    return record_lock(own, F_SETLKW, F_WRLCK);
  });
  ASSERT_TRUE(wait_until_blocked(waiter));
  gate.write.close();
  EXPECT_TRUE(reap(holder).exited(0));
  EXPECT_TRUE(reap(waiter).exited(0));
}

// A lock that is granted after another thread has closed its descriptor would never be given back.
TEST_F(Locks, RecordLockWaitsWhileItsDescriptorIsClosed) {
  const Descriptor other = open_it();
  ASSERT_OK(record_lock(other, F_OFD_SETLK, F_WRLCK));
  Descriptor file = open_it();
  const int number = file;
  std::atomic<pid_t> waiter = 0;
  std::thread thread([&] {
    waiter = gettid();
    EXPECT_ERRNO(EBADF, record_lock(number, F_SETLKW, F_WRLCK));
  });
  EXPECT_TRUE(wait_until([&] { return waiter != 0; }));
  EXPECT_TRUE(wait_until_blocked(waiter));
  file.close();
  EXPECT_OK(record_lock(other, F_OFD_SETLK, F_UNLCK));
  thread.join();
  EXPECT_CHILD({
    Descriptor own = open_it();
    EXPECT_OK(record_lock(own, F_SETLK, F_WRLCK));
  });
}

TEST_F(Locks, RaceOfRecordLocksWithClose) {
  const Descriptor other = open_it();
  for (int round = 0; round < times(300); ++round) {
    Descriptor file = open_it();
    const int number = file;
    std::atomic<bool> started = false;
    std::thread thread([&] {
      started = true;
      record_lock(number, F_SETLKW, F_WRLCK);
    });
    while (!started) sched_yield();
    file.close();
    thread.join();
    // An open file's own locks conflict with those of its process.
    ASSERT_OK(record_lock(other, F_OFD_SETLK, F_WRLCK)) << "round " << round;
    ASSERT_OK(record_lock(other, F_OFD_SETLK, F_UNLCK));
  }
}

TEST_F(Locks, DeadlockIsFound) {
  Descriptor file = open_it();
  ASSERT_OK(record_lock(file, F_SETLK, F_WRLCK, 0, 10));
  const pid_t pid = spawn_checked([&] {
    EXPECT_OK(record_lock(file, F_SETLK, F_WRLCK, 10, 10));
    EXPECT_OK(record_lock(file, F_SETLKW, F_WRLCK, 0, 10));
  });
  ASSERT_TRUE(wait_until_blocked(pid));
  EXPECT_ERRNO(EDEADLK, record_lock(file, F_SETLKW, F_WRLCK, 10, 10));
  ASSERT_OK(record_lock(file, F_SETLK, F_UNLCK, 0, 10));
  EXPECT_TRUE(reap(pid).exited(0));
}

// Who waits and could go on, but has not run yet, waits for nobody.
TEST_F(Locks, WhoCanGoOnIsNotPartOfADeadlock) {
  Descriptor file = open_it();
  for (int round = 0; round < 20; ++round) {
    ASSERT_OK(record_lock(file, F_SETLK, F_WRLCK, 0, 10));
    const pid_t pid = spawn_checked([&] {
      EXPECT_OK(record_lock(file, F_SETLK, F_WRLCK, 10, 10));
      EXPECT_OK(record_lock(file, F_SETLKW, F_WRLCK, 0, 10));
    });
    ASSERT_TRUE(wait_until_blocked(pid));
    ASSERT_OK(record_lock(file, F_SETLK, F_UNLCK, 0, 10));
    EXPECT_OK(record_lock(file, F_SETLKW, F_WRLCK, 10, 10));
    EXPECT_TRUE(reap(pid).exited(0));
    ASSERT_OK(record_lock(file, F_SETLK, F_UNLCK));
  }
}

// Each has one lock at a time, so nobody waits for itself, in whatever order they come and go.
TEST_F(Locks, ARaceForOneLockIsNoDeadlock) {
  pid_t children[4];
  for (pid_t& child : children)
    child = spawn_checked([&] {
      Descriptor own = open_it();
      for (int round = 0; round < 2000; ++round) {
        ASSERT_OK(record_lock(own, F_SETLKW, F_WRLCK, 0, 10));
        ASSERT_OK(record_lock(own, F_SETLK, F_UNLCK, 0, 10));
      }
    });
  for (const pid_t child : children) EXPECT_TRUE(reap(child).exited(0));
}

TEST_F(Locks, RecordErrors) {
  Descriptor reader = open_it(O_RDONLY);
  Descriptor writer = open_it(O_WRONLY);
  EXPECT_ERRNO(EBADF, record_lock(reader, F_SETLK, F_WRLCK));
  EXPECT_ERRNO(EBADF, record_lock(writer, F_SETLK, F_RDLCK));
  EXPECT_ERRNO(EBADF, record_lock(-1, F_SETLK, F_RDLCK));
  EXPECT_ERRNO(EINVAL, record_lock(reader, F_SETLK, 99));
  EXPECT_ERRNO(EINVAL, record_lock(reader, F_SETLK, F_RDLCK, -5, 1));
  EXPECT_ERRNO(EFAULT, syscall(SYS_fcntl, reader.get(), F_SETLK, wild()));
  EXPECT_ERRNO(EFAULT, syscall(SYS_fcntl, reader.get(), F_GETLK, wild()));
}

TEST_F(Locks, WhenceIsRelative) {
  Descriptor file = open_it();
  lseek(file, 500, SEEK_SET);
  struct flock lock{F_WRLCK, SEEK_CUR, 10, 5, 0};
  ASSERT_OK(fcntl(file, F_SETLK, &lock));
  struct flock at_end{F_WRLCK, SEEK_END, -10, 5, 0};
  ASSERT_OK(fcntl(file, F_SETLK, &at_end));
  struct flock backwards{F_WRLCK, SEEK_SET, 100, -20, 0};  // bytes 80 to 99
  ASSERT_OK(fcntl(file, F_SETLK, &backwards));
  EXPECT_CHILD({
    Descriptor own = open_it();
    EXPECT_EQ(record_lock(own, F_SETLK, F_WRLCK, 510, 1), -1);
    EXPECT_EQ(record_lock(own, F_SETLK, F_WRLCK, 994, 1), -1);
    EXPECT_EQ(record_lock(own, F_SETLK, F_WRLCK, 80, 1), -1);
    EXPECT_OK(record_lock(own, F_SETLK, F_WRLCK, 509, 1));
    EXPECT_OK(record_lock(own, F_SETLK, F_WRLCK, 995, 1));
    EXPECT_OK(record_lock(own, F_SETLK, F_WRLCK, 100, 1));
  });
}

TEST_F(Locks, DescriptionLocksBelongToTheOpenFile) {
  Descriptor first = open_it();
  Descriptor second = open_it();
  ASSERT_OK(record_lock(first, F_OFD_SETLK, F_WRLCK, 0, 10));
  EXPECT_ERRNO(EAGAIN, record_lock(second, F_OFD_SETLK, F_WRLCK, 5, 1));  // in one process
  EXPECT_OK(record_lock(second, F_OFD_SETLK, F_WRLCK, 10, 1));
  open_it().close();  // another close does not matter
  EXPECT_ERRNO(EAGAIN, record_lock(second, F_OFD_SETLK, F_WRLCK, 5, 1));
  struct flock query = region(F_RDLCK, 0, 1);
  ASSERT_OK(fcntl(second, F_OFD_GETLK, &query));
  EXPECT_EQ(query.l_type, F_WRLCK);
  EXPECT_EQ(query.l_pid, -1);
  first.close();
  EXPECT_OK(record_lock(second, F_OFD_SETLK, F_WRLCK, 5, 1));
}

TEST_F(Locks, DescriptionLocksConflictWithRecordLocks) {
  Descriptor first = open_it();
  Descriptor second = open_it();
  ASSERT_OK(record_lock(first, F_SETLK, F_WRLCK, 0, 10));
  EXPECT_ERRNO(EAGAIN, record_lock(second, F_OFD_SETLK, F_WRLCK, 0, 10));
  struct flock with_pid = region(F_WRLCK, 0, 10);
  with_pid.l_pid = 1;
  EXPECT_ERRNO(EINVAL, fcntl(second, F_OFD_SETLK, &with_pid));
}

// Who looks at a process does not share its descriptors: exec would leave its locks behind with what is shared.
TEST_F(Locks, RecordLocksOutlastExecWhoeverLooks) {
  Pipe done(0), go(0);
  const pid_t child = spawn([&]() -> int {
    if (record_lock(open("f", O_RDWR), F_SETLK, F_WRLCK) != 0) return 1;
    become_helper("exec-times", {"40", std::to_string(done.write), std::to_string(go.read)});
  });
  const pid_t onlookers[] = {spawn_onlooker(child), spawn_onlooker(child)};
  done.wait();
  Descriptor file = open_it();
  struct flock query = region(F_WRLCK, 0, 10);
  EXPECT_OK(fcntl(file, F_GETLK, &query));
  EXPECT_EQ(query.l_type, F_WRLCK);
  EXPECT_EQ(query.l_pid, child);
  go.notify();
  EXPECT_TRUE(reap(child).exited(0));
  for (const pid_t onlooker : onlookers) {
    kill(onlooker, SIGKILL);
    reap(onlooker);
  }
}

TEST_F(Locks, RecordLocksBeforeTheBeginningAndBeyondTheEnd) {
  Descriptor file = open_it();
  constexpr off_t least = std::numeric_limits<off_t>::min(), most = std::numeric_limits<off_t>::max();
  for (const int command : {F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK}) {
    for (const off_t length : {off_t{-1}, off_t{0}, off_t{1}, least, most}) {
      EXPECT_ERRNO(EINVAL, record_lock(file, command, F_WRLCK, least, length));
      EXPECT_ERRNO(EINVAL, record_lock(file, command, F_WRLCK, -1, length));
    }
    EXPECT_ERRNO(EINVAL, record_lock(file, command, F_WRLCK, 0, least));
    EXPECT_ERRNO(EOVERFLOW, record_lock(file, command, F_WRLCK, 2, most));
  }
}

// The lock is the open file's: however many lock it at once, it has one.
TEST_F(Locks, FlockOfOneDescriptionByMany) {
  Descriptor shared = open_it(), other = open_it();
  pid_t pids[4];
  for (int n = 0; n < 4; ++n)
    pids[n] = spawn([&] {
      for (int i = 0; i < times(5'000, 50'000); ++i)
        if (flock(shared, (i + n) % 2 ? LOCK_SH : LOCK_EX) != 0) return 1;
      return 0;
    });
  for (const pid_t pid : pids) EXPECT_TRUE(reap(pid).exited(0));
  EXPECT_OK(flock(shared, LOCK_UN));
  EXPECT_OK(flock(other, LOCK_EX | LOCK_NB));
}

// Each call goes through all locks of the file. Who has as many as there may be can still give some back.
TEST_F(Locks, NumberOfLocksOnOneFileIsLimited) {
  if (!has_containers()) GTEST_SKIP() << "Linux has no limit of its own";
  constexpr off_t most = 20'000, far = 10 * most;
  const Descriptor file = open_it();
  ASSERT_OK(record_lock(file, F_SETLK, F_WRLCK, far, 3));
  off_t made = 0;
  while (made < most && record_lock(file, F_SETLK, F_WRLCK, 2 * (most - made), 1) == 0) ++made;
  EXPECT_EQ(errno, ENOLCK);
  EXPECT_LT(made, most);
  EXPECT_GT(made, 1000);
  // What makes no more of them is not refused, nor is to give a part back.
  EXPECT_OK(record_lock(file, F_SETLK, F_RDLCK, 2 * most, 1));
  EXPECT_OK(record_lock(file, F_SETLK, F_RDLCK, 2 * most + 1, 1));
  EXPECT_ERRNO(ENOLCK, record_lock(file, F_SETLK, F_WRLCK, 2 * most + 2, 1));
  EXPECT_ERRNO(ENOLCK, record_lock(file, F_SETLK, F_RDLCK, far + 1, 1));
  EXPECT_OK(record_lock(file, F_SETLK, F_UNLCK, far + 1, 1));  // two are left of it
  EXPECT_OK(record_lock(file, F_SETLK, F_UNLCK, 2 * most, 2));
  EXPECT_ERRNO(ENOLCK, record_lock(file, F_SETLK, F_WRLCK, 2 * most, 1));
  write_file("g", "x");
  const Descriptor other = open_file("g", O_RDWR);
  EXPECT_OK(record_lock(other, F_SETLK, F_WRLCK));
  const std::string told = read_file("/proc/locks");
  EXPECT_GE(std::ranges::count(told, '\n'), made + 1);
  open_it().close();  // all are gone with that
  EXPECT_OK(record_lock(file, F_SETLK, F_WRLCK, 2 * most, 1));
}

}  // namespace
}  // namespace cv6::guest
