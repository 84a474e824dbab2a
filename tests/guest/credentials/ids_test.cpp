// User and group ids: the rules of the set*id calls, groups, what exec and fork do with them.

#include <fcntl.h>
#include <grp.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/helper.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

constexpr uid_t user = 1000;
constexpr gid_t group = 2000;

void expect_uids(uid_t real, uid_t effective, uid_t saved) {
  uid_t r, e, s;
  ASSERT_OK(getresuid(&r, &e, &s));
  EXPECT_EQ(r, real);
  EXPECT_EQ(e, effective);
  EXPECT_EQ(s, saved);
}

void expect_gids(gid_t real, gid_t effective, gid_t saved) {
  gid_t r, e, s;
  ASSERT_OK(getresgid(&r, &e, &s));
  EXPECT_EQ(r, real);
  EXPECT_EQ(e, effective);
  EXPECT_EQ(s, saved);
}

TEST(Ids, SetuidOfRootSetsAllThree) {
  EXPECT_CHILD({
    ASSERT_OK(setuid(user));
    expect_uids(user, user, user);
    EXPECT_ERRNO(EPERM, setuid(0));
    EXPECT_OK(setuid(user));
    EXPECT_ERRNO(EPERM, setgid(0x1234));
  });
}

// What one thread gives up another one that changes something else at that moment must not bring back.
TEST(Ids, TwoThreadsChangeUserAndGroups) {
  for (int round = 0; round < 100; ++round) {
    EXPECT_CHILD({
      std::atomic<int> ready{0};
      const auto meet = [&] {
        for (++ready; ready < 2;) {}
      };
      std::thread other([&] {
        meet();
        syscall(SYS_setresgid, group, group, group);  // may come too late to be allowed
        const gid_t groups[] = {group};
        syscall(SYS_setgroups, 1, groups);
      });
      meet();
      const long outcome = syscall(SYS_setresuid, user, user, user);
      other.join();
      ASSERT_OK(outcome);
      expect_uids(user, user, user);
    });
  }
}

TEST(Ids, SeteuidCanComeBack) {
  EXPECT_CHILD({
    ASSERT_OK(seteuid(user));
    expect_uids(0, user, 0);
    EXPECT_ERRNO(EPERM, setuid(user + 1));
    ASSERT_OK(seteuid(0));
    expect_uids(0, 0, 0);
  });
}

TEST(Ids, SetreuidAndSaved) {
  EXPECT_CHILD({
    ASSERT_OK(setreuid(user, user + 1));
    expect_uids(user, user + 1, user + 1);
    ASSERT_OK(setreuid(user + 1, user));  // swapping is always allowed
    expect_uids(user + 1, user, user);
    EXPECT_ERRNO(EPERM, setreuid(-1, 0));
  });
}

TEST(Ids, SetresuidTakesAnyOfTheThree) {
  EXPECT_CHILD({
    ASSERT_OK(setresuid(1, 2, 3));
    expect_uids(1, 2, 3);
    ASSERT_OK(setresuid(3, 1, 2));
    expect_uids(3, 1, 2);
    ASSERT_OK(setresuid(-1, 3, -1));
    expect_uids(3, 3, 2);
    EXPECT_ERRNO(EPERM, setresuid(4, -1, -1));
    expect_uids(3, 3, 2);
  });
}

TEST(Ids, GroupsFollowTheSameRules) {
  EXPECT_CHILD({
    ASSERT_OK(setresgid(1, 2, 3));
    expect_gids(1, 2, 3);
    ASSERT_OK(setgid(group));
    expect_gids(group, group, group);
    ASSERT_OK(setregid(5, 6));
    expect_gids(5, 6, 6);
    ASSERT_OK(setresuid(user, user, user));
    ASSERT_OK(setegid(5));
    EXPECT_ERRNO(EPERM, setegid(0));
    EXPECT_ERRNO(EPERM, setresgid(7, -1, -1));
  });
}

TEST(Ids, InvalidIds) {
  EXPECT_ERRNO(EINVAL, syscall(SYS_setuid, -1));
  EXPECT_ERRNO(EINVAL, syscall(SYS_setgid, -1));
  EXPECT_ERRNO(EFAULT, syscall(SYS_getresuid, wild(), wild(), wild()));
  EXPECT_ERRNO(EFAULT, syscall(SYS_getresgid, wild(), wild(), wild()));
}

TEST(Ids, SupplementaryGroups) {
  EXPECT_CHILD({
    const gid_t groups[] = {10, 20, 30};
    ASSERT_OK(setgroups(3, groups));
    gid_t list[8] = {};
    EXPECT_EQ(getgroups(0, nullptr), 3);
    EXPECT_EQ(getgroups(8, list), 3);
    EXPECT_EQ(std::vector<gid_t>(list, list + 3), (std::vector<gid_t>{10, 20, 30}));
    EXPECT_ERRNO(EINVAL, getgroups(2, list));
    EXPECT_ERRNO(EINVAL, getgroups(-1, list));
    EXPECT_CHILD({ EXPECT_EQ(getgroups(0, nullptr), 3); });
    ASSERT_OK(setgroups(0, nullptr));
    EXPECT_EQ(getgroups(0, nullptr), 0);
    EXPECT_ERRNO(EINVAL, syscall(SYS_setgroups, 65'537, groups));
    EXPECT_ERRNO(EFAULT, syscall(SYS_setgroups, 3, wild()));
    ASSERT_OK(setresuid(user, user, user));
    EXPECT_ERRNO(EPERM, setgroups(1, groups));
  });
}

TEST(Ids, FileSystemIds) {
  EXPECT_CHILD({
    for (int times = 2; times > 0; --times) EXPECT_EQ(setfsuid(-1) | setfsgid(-1), 0);  // only asks
    EXPECT_EQ(setfsuid(user), 0);
    EXPECT_EQ(setfsuid(-1), (int)user);
    ASSERT_OK(seteuid(77));  // the file system id follows
    EXPECT_EQ(setfsuid(-1), 77);
  });
}

// Calls of one thread go on with ids that another one has just replaced.
TEST(Ids, ThreadsThatChangeThemAllTheTime) {
  EXPECT_CHILD({
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([t] {
        const std::vector<gid_t> groups(1 + t, group);
        for (int i = 0; i < 2000; ++i) {
          syscall(SYS_setresuid, i % 3 ? -1 : 0, 0, i % 7);
          syscall(SYS_setgroups, groups.size(), groups.data());
          struct stat status;
          stat("/proc/self/status", &status);
          access("/none/none", R_OK);
        }
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(geteuid(), 0u);
  });
}

// Ids are the process's, and each call of another thread may still use those before: they are kept, but not without end. On
// Linux, where they are the thread's, there is no end to it.
TEST(Ids, ChangedWithoutEnd) {
  EXPECT_CHILD({
    std::atomic<bool> stop{false};
    std::thread other([&] { stop.wait(false); });
    constexpr uid_t many = 10'000;
    uid_t at = 1;
    while (at < many && syscall(SYS_setresuid, at, -1, -1) == 0) ++at;
    if (at < many) EXPECT_EQ(errno, EAGAIN);
    EXPECT_GT(at, 200u);
    if (at < many) expect_uids(at - 1, 0, 0);
    EXPECT_OK(syscall(SYS_setresuid, at - 1, 0, 0));  // the same
    EXPECT_OK(syscall(SYS_setresuid, 5, -1, -1));     // which it had
    expect_uids(5, 0, 0);
    stop = true;
    stop.notify_all();
    other.join();
    EXPECT_OK(setresuid(user, user, user));
  });
}

TEST(Ids, ChangedToAndFro) {
  EXPECT_CHILD({
    std::atomic<bool> stop{false};
    std::thread other([&] { stop.wait(false); });
    for (int i = 0; i < 1000; ++i) {
      const gid_t groups[] = {1u + i % 10, 70};
      ASSERT_OK(syscall(SYS_setgroups, 2, groups));
      ASSERT_OK(syscall(SYS_setresuid, i % 20, 0, i % 5));
    }
    stop = true;
    stop.notify_all();
    other.join();
  });
}

class SetidExec : public TempDir {
 protected:
  // A copy of this program, owned by the user and the group, with that mode.
  void make_program(mode_t mode) {
    const std::string bytes = read_file("/proc/self/exe");
    write_file("program", bytes, 0755);
    ASSERT_OK(chown("program", user, group));
    ASSERT_OK(chmod("program", mode));
  }
  int ids_after_exec(uid_t real) {
    return WEXITSTATUS(run([&]() -> int {
                         if (setresgid(real, real, real) == -1 || setresuid(real, real, real) == -1) return 100;
                         execl("./program", "program", "--helper", "ids", nullptr);
                         return 101;
                       }).status);
  }
};

// Bits: 1 effective user is `user`, 2 saved user too, 4 effective group is `group`, 8 AT_SECURE is set.
const Helper ids_helper{"ids", [](std::span<char*>) {
                          uid_t real, effective, saved;
                          getresuid(&real, &effective, &saved);
                          int bits = 0;
                          if (effective == user) bits |= 1;
                          if (saved == user) bits |= 2;
                          if (getegid() == group) bits |= 4;
                          if (getauxval(AT_SECURE)) bits |= 8;
                          return bits;
                        }};

TEST_F(SetidExec, SetuidBitGivesTheOwner) {
  make_program(04755);
  EXPECT_EQ(ids_after_exec(555), 1 | 2 | 8);
}

TEST_F(SetidExec, SetgidBitGivesTheGroup) {
  make_program(02755);
  EXPECT_EQ(ids_after_exec(555), 4 | 8);
}

TEST_F(SetidExec, WithoutBitsNothingChanges) {
  make_program(0755);
  EXPECT_EQ(ids_after_exec(555), 0);
}

TEST_F(SetidExec, SetgidWithoutGroupExecuteMeansNothing) {
  make_program(02745);
  EXPECT_EQ(ids_after_exec(555), 0);
}

TEST_F(SetidExec, NoNewPrivilegesIgnoresTheBits) {
  make_program(06755);
  EXPECT_TRUE(run([]() -> int {
                if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) return 100;
                setresgid(555, 555, 555);
                setresuid(555, 555, 555);
                execl("./program", "program", "--helper", "ids", nullptr);
                return 101;
              }).exited(0));
}

// Another process that shares the working directory could change it under the privileged program.
TEST_F(SetidExec, SharedWorkingDirectoryIgnoresTheBits) {
  make_program(06755);
  const Ending ending = run([]() -> int {
                setresgid(555, 555, 555);
                setresuid(555, 555, 555);
                Pipe until;  // nobody writes any more: the program has ended
                if (syscall(SYS_clone, CLONE_FS | SIGCHLD, nullptr, nullptr, nullptr, 0) == 0) {
                  until.write.close();
                  char byte;
                  _exit(static_cast<int>(read(until.read, &byte, 1)));
                }
                fcntl(until.write, F_SETFD, 0);
                execl("./program", "program", "--helper", "ids", nullptr);
                return 101;
              });
  EXPECT_EQ(ending.status & ~(8 << 8), 0) << ending;  // Linux calls it secure nevertheless
}

TEST_F(SetidExec, WritingClearsTheBits) {
  make_program(06755);
  EXPECT_CHILD({
    ASSERT_OK(setresuid(user, user, user));
    const int fd = open("program", O_WRONLY);
    ASSERT_OK(fd);
    EXPECT_EQ(write(fd, "x", 1), 1);
    struct stat status;
    ASSERT_OK(fstat(fd, &status));
    EXPECT_EQ(status.st_mode & 07777, 0755u);
  });
}

}  // namespace
}  // namespace cv6::guest
