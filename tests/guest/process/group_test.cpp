// Process groups and sessions.

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/soak.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

TEST(Groups, AreInherited) {
  const pid_t group = getpgrp();
  const pid_t session = getsid(0);
  EXPECT_EQ(getpgid(0), group);
  EXPECT_CHILD({
    EXPECT_EQ(getpgrp(), group);
    EXPECT_EQ(getsid(0), session);
  });
}

TEST(Groups, SetpgidMakesAGroup) {
  EXPECT_CHILD({
    EXPECT_OK(setpgid(0, 0));
    EXPECT_EQ(getpgrp(), getpid());
    EXPECT_OK(setpgid(0, 0));
    EXPECT_OK(setpgid(getpid(), getpid()));
  });
}

TEST(Groups, ParentMovesItsChild) {
  EXPECT_CHILD({
    Pipe gate;
    const pid_t first = spawn([&] {
      gate.write.close();
      gate.wait();
      return getpgrp() == getpid() ? 0 : 1;
    });
    const pid_t second = spawn([&] {
      gate.write.close();
      gate.wait();
      return getpgrp() == first ? 0 : 1;
    });
    EXPECT_OK(setpgid(first, first));
    EXPECT_OK(setpgid(second, first));
    EXPECT_EQ(getpgid(second), first);
    gate.write.close();
    EXPECT_TRUE(reap(first).exited(0));
    EXPECT_TRUE(reap(second).exited(0));
  });
}

TEST(Groups, SetpgidErrors) {
  EXPECT_ERRNO(EINVAL, setpgid(0, -1));
  EXPECT_ERRNO(ESRCH, setpgid(getppid(), 0));
  EXPECT_ERRNO(ESRCH, getpgid(0x3fffffff));
  EXPECT_ERRNO(ESRCH, getsid(0x3fffffff));
  EXPECT_CHILD({
    Pipe gate;
    Pipe ready;
    const pid_t leader = spawn([&] {
      setsid();
      ready.notify();
      gate.write.close();
      gate.wait();
      return 0;
    });
    ASSERT_TRUE(ready.wait());
    EXPECT_ERRNO(EPERM, setpgid(leader, 0));      // in another session
    EXPECT_ERRNO(EPERM, setpgid(0, leader));      // a group of another session
    EXPECT_ERRNO(EPERM, setpgid(0, 0x3fffffff));  // no such group
    gate.write.close();
    EXPECT_TRUE(reap(leader).exited(0));
  });
}

TEST(Groups, NoChangeAfterExecOfTheChild) {
  EXPECT_CHILD({
    Pipe gate(0);
    Pipe started(0);
    const pid_t child = spawn([&]() -> int {
      dup2(gate.read, STDIN_FILENO);
      fcntl(gate.write, F_SETFD, FD_CLOEXEC);
      fcntl(started.write, F_SETFD, FD_CLOEXEC);
      become_helper("read-to-end");
    });
    started.write.close();
    EXPECT_FALSE(started.wait());  // the end of file: exec has happened
    EXPECT_ERRNO(EACCES, setpgid(child, child));
    gate.write.close();
    EXPECT_TRUE(reap(child).exited(0));
  });
}

TEST(Sessions, SetsidMakesBoth) {
  EXPECT_CHILD({
    EXPECT_EQ(setsid(), getpid());
    EXPECT_EQ(getsid(0), getpid());
    EXPECT_EQ(getpgrp(), getpid());
    EXPECT_ERRNO(EPERM, setsid());                  // already a leader
    EXPECT_ERRNO(EPERM, setpgid(0, 0));             // a session leader stays
    EXPECT_ERRNO(ENXIO, open("/dev/tty", O_RDWR));  // no controlling terminal
  });
}

TEST(Sessions, GroupLeaderCannotSetsid) {
  EXPECT_CHILD({
    EXPECT_OK(setpgid(0, 0));
    EXPECT_ERRNO(EPERM, setsid());
    EXPECT_CHILD({ EXPECT_OK(setsid()); });
  });
}

TEST(Groups, KillReachesTheWholeGroup) {
  EXPECT_CHILD({
    Pipe gate;
    std::vector<pid_t> members;
    for (int i = 0; i < 4; ++i) {
      members.push_back(spawn([&] {
        gate.write.close();
        gate.wait();
        return 0;
      }));
      ASSERT_OK(setpgid(members.back(), members.front()));
    }
    EXPECT_OK(kill(-members.front(), 0));
    EXPECT_OK(kill(-members.front(), SIGTERM));
    for (const pid_t member : members) EXPECT_TRUE(reap(member).killed_by(SIGTERM));
    EXPECT_ERRNO(ESRCH, kill(-members.front(), 0));
  });
}

// However many there are, once each, and those that they make meanwhile too.
TEST(Groups, KillReachesAllOfManyAndTheirChildren) {
  EXPECT_CHILD({
    static volatile sig_atomic_t signals;
    setpgid(0, 0);
    signal(SIGUSR1, [](int) { signals = signals + 1; });
    Pipe ready, go;
    std::vector<pid_t> members;
    for (int i = 0; i < 150; ++i)
      members.push_back(spawn([&] {
        go.write.close();
        ready.notify();
        while (i % 50 == 49) {
          const pid_t child = fork();
          if (child == 0) _exit(0);
          if (child > 0) waitpid(child, nullptr, 0);
        }
        go.wait();
        return static_cast<int>(signals);
      }));
    for (std::size_t i = 0; i < members.size(); ++i) ASSERT_TRUE(ready.wait());
    ASSERT_OK(kill(0, SIGUSR1));
    EXPECT_EQ(signals, 1);
    for (const int forks : {49, 99, 149}) {
      ASSERT_OK(kill(members[forks], SIGKILL));
      EXPECT_TRUE(reap(members[forks]).killed_by(SIGKILL));
    }
    go.write.close();
    for (int i = 0; i < 150; ++i)
      if (i % 50 != 49) {
        const Ending ending = reap(members[i]);
        EXPECT_TRUE(ending.exited(1)) << ending;
      }
  });
}

TEST(Groups, KillEndsAllOfManyThatFork) {
  EXPECT_CHILD({
    std::vector<pid_t> members;
    Pipe ready, alive;
    for (int i = 0; i < 100; ++i) {
      members.push_back(spawn([&] {
        setpgid(0, i ? members[0] : 0);
        ready.notify();
        // Each lives on in its child as well, up to some depth, in which all wait.
        for (int depth = 0; i % 25 == 24 && depth < 3; ++depth) fork();
        for (;;) pause();
        return 0;
      }));
      ASSERT_TRUE(ready.wait());
    }
    alive.write.close();
    ASSERT_OK(kill(-members[0], SIGKILL));
    for (const pid_t member : members) EXPECT_TRUE(reap(member).killed_by(SIGKILL));
    // Whoever is left has the pipe open.
    char nothing;
    EXPECT_EQ(read(alive.read, &nothing, 1), 0);
  });
}

// A process of a new session makes another one, which stops, and ends. Whose group is a new one of the session?
enum class NewGroup { of_the_stopped, of_both };

// The stopped group has lost its connection to the session: SIGHUP kills it; whoever inherits it reaps it, sooner or later.
void expect_woken(NewGroup group) {
  setsid();
  Pipe hold;
  Pipe ids;
  const pid_t middle = spawn([&] {
    if (group == NewGroup::of_both) setpgid(0, 0);
    const pid_t orphan = spawn([&] {
      if (group == NewGroup::of_the_stopped) setpgid(0, 0);
      ids.notify();
      raise(SIGSTOP);
      return 0;
    });
    EXPECT_TRUE(ids.wait());
    EXPECT_TRUE(wait_for_state(orphan, 'T'));
    write(hold.write, &orphan, sizeof orphan);
    return 0;  // the last that connects the group leaves
  });
  pid_t orphan = 0;
  ASSERT_EQ(read(hold.read, &orphan, sizeof orphan), (ssize_t)sizeof orphan);
  EXPECT_TRUE(reap(middle).exited(0));
  EXPECT_TRUE(wait_until([&] { return state_of(orphan) != 'T'; }));
}

TEST(Groups, StoppedGroupIsWokenWhenTheParentInAnotherGroupEnds) { EXPECT_CHILD(expect_woken(NewGroup::of_the_stopped)); }

TEST(Groups, StoppedGroupIsWokenWhenTheMemberThatConnectsItEnds) { EXPECT_CHILD(expect_woken(NewGroup::of_both)); }

TEST(Tty, OtherFilesAreNotTerminals) {
  Descriptor null = open_file("/dev/null", O_RDWR);
  Pipe pipe;
  char buffer[64];
  EXPECT_ERRNO(ENOTTY, ioctl(null, TCGETS, buffer));
  EXPECT_ERRNO(ENOTTY, ioctl(pipe.read, TCGETS, buffer));
  EXPECT_ERRNO(ENOTTY, ioctl(pipe.read, TIOCGWINSZ, buffer));
  EXPECT_ERRNO(ENOTTY, tcgetpgrp(null));
  EXPECT_EQ(isatty(pipe.write), 0);
  EXPECT_ERRNO(EBADF, ioctl(-1, TCGETS, buffer));
}

TEST(Groups, SignalsToOnesOwnWhileTheParentMovesIt) {
  EXPECT_CHILD({
    const pid_t child = spawn([] {
      for (int i = 0; i < times(100'000, 3'000'000); ++i) kill(0, 0);
      return 0;
    });
    int status = -1;
    while (waitpid(child, &status, WNOHANG) == 0) {
      setpgid(child, child);
      setpgid(child, getpgrp());
    }
    EXPECT_EQ(status, 0);
  });
}

}  // namespace
}  // namespace cv6::guest
