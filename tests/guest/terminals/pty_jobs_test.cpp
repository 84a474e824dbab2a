// Sessions and job control on pseudo terminals: credentials(7), tty_ioctl(4).
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "support/pty.hpp"
#include "support/signals.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

// Blocks the signal, so that it can be waited for.
void hold_signal(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  ASSERT_OK(sigprocmask(SIG_BLOCK, &set, nullptr));
}
int wait_for_signal(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  return sigwaitinfo(&set, nullptr);
}

TEST(PtyJobs, OpeningMakesItTheControllingTerminal) {
  Pty pty;
  const pid_t child = spawn_checked([&] {
    ASSERT_OK(setsid());
    EXPECT_ERRNO(ENXIO, open("/dev/tty", O_RDWR));
    Descriptor slave = pty.open_slave(O_RDWR | O_NOCTTY);
    EXPECT_ERRNO(ENXIO, open("/dev/tty", O_RDWR)) << "O_NOCTTY";
    EXPECT_ERRNO(ENOTTY, tcgetsid(slave));
    slave = pty.open_slave(O_RDWR);
    EXPECT_EQ(tcgetsid(slave), getpid());
    EXPECT_EQ(tcgetpgrp(slave), getpid());
    Descriptor terminal = open_file("/dev/tty", O_RDWR);
    ASSERT_OK(terminal.get());
    EXPECT_TRUE(write_text(terminal, "hello"));
    struct stat named{}, opened{};
    ASSERT_OK(stat("/dev/tty", &named));
    ASSERT_OK(fstat(terminal, &opened));
    EXPECT_EQ(opened.st_rdev, makedev(5, 0));
    EXPECT_EQ(opened.st_ino, named.st_ino) << "it is the node that was opened, not the terminal's own";
    EXPECT_EQ(opened.st_dev, named.st_dev);
    ASSERT_OK(signal(SIGHUP, SIG_IGN) == SIG_ERR ? -1 : 0);
    EXPECT_OK(ioctl(slave, TIOCNOTTY));
    EXPECT_ERRNO(ENXIO, open("/dev/tty", O_RDWR));
    EXPECT_OK(ioctl(slave, TIOCSCTTY, 0));
    EXPECT_EQ(tcgetsid(slave), getpid());
  });
  EXPECT_EQ(read_bytes(pty.master, 5), "hello");
  EXPECT_TRUE(reap(child).exited(0));
}

TEST(PtyJobs, ASessionHasItForItself) {
  Pty pty;
  Pipe ready, done;
  const pid_t leader = pty.start_session([&] {
    done.write.close();
    ready.notify();
    done.wait();
  });
  ready.wait();
  EXPECT_CHILD({
    EXPECT_OK(setsid());
    EXPECT_ERRNO(EPERM, ioctl(pty.slave, TIOCSCTTY, 0));
    const Descriptor slave = pty.open_slave(O_RDWR);
    EXPECT_ERRNO(ENXIO, open("/dev/tty", O_RDWR));
    EXPECT_ERRNO(ENOTTY, tcgetpgrp(slave));
  });
  // The master knows whose it is, and of what group.
  EXPECT_EQ(tcgetpgrp(pty.master), leader);
  EXPECT_EQ(tcgetsid(pty.master), leader);
  done.write.close();
  EXPECT_TRUE(reap(leader).exited(0));
  pid_t session;
  EXPECT_ERRNO(ENOTTY, ioctl(pty.master, TIOCGSID, &session));
}

TEST(PtyJobs, WindowChangesAreSignalled) {
  for (const bool from_master : {true, false}) {
    Pty pty;
    Pipe ready;
    winsize size{};
    EXPECT_OK(ioctl(pty.master, TIOCGWINSZ, &size));
    EXPECT_EQ(size.ws_row, 0);
    EXPECT_EQ(size.ws_col, 0);
    const pid_t leader = pty.start_session([&] {
      hold_signal(SIGWINCH);
      ready.notify();
      EXPECT_EQ(wait_for_signal(SIGWINCH), SIGWINCH);
      winsize seen{};
      EXPECT_OK(ioctl(0, TIOCGWINSZ, &seen));
      EXPECT_EQ(seen.ws_row, 25);
      EXPECT_EQ(seen.ws_col, 81);
    });
    ready.wait();
    size.ws_row = 25;
    size.ws_col = 81;
    EXPECT_OK(ioctl(from_master ? pty.master : pty.slave, TIOCSWINSZ, &size));
    EXPECT_TRUE(reap(leader).exited(0));
  }
}

TEST(PtyJobs, KeysAreSignals) {
  struct {
    const char* key;
    int signal;
  } const cases[] = {{"\x03", SIGINT}, {"\x1c", SIGQUIT}};
  for (const auto& one : cases) {
    Pty pty(Pty::Mode::cooked);
    Pipe ready;
    const pid_t leader = pty.start_session([&] {
      ready.notify();
      while (true) pause();
    });
    ready.wait();
    ASSERT_TRUE(write_text(pty.master, one.key));
    EXPECT_TRUE(reap(leader).killed_by(one.signal));
  }
}

TEST(PtyJobs, StopKeyStopsTheForeground) {
  Pty pty(Pty::Mode::cooked);
  Pipe ready;
  const pid_t leader = pty.start_session([&] {
    const pid_t job = spawn([&] {
      setpgid(0, 0);
      signal(SIGTTOU, SIG_IGN);
      tcsetpgrp(0, getpid());
      ready.notify();
      pause();
      return 0;
    });
    int status = 0;
    EXPECT_EQ(waitpid(job, &status, WUNTRACED), job);
    EXPECT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTSTP);
    kill(job, SIGKILL);
    reap(job);
  });
  ready.wait();
  ASSERT_TRUE(write_text(pty.master, "\x1a"));
  EXPECT_TRUE(reap(leader).exited(0));
}

// A job in the background of the caller's session, which does `body`, and how it stopped.
int stop_of(const std::function<void()>& body) {
  const pid_t job = spawn([&] {
    setpgid(0, 0);
    body();
    return 0;
  });
  setpgid(job, job);
  int status = 0;
  EXPECT_EQ(waitpid(job, &status, WUNTRACED), job);
  const int signal = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
  if (signal == 0) return 0;
  kill(job, SIGKILL);
  reap(job);
  return signal;
}

TEST(PtyJobs, BackgroundIsStopped) {
  Pty pty;
  const pid_t leader = pty.start_session([&] {
    char byte;
    EXPECT_EQ(stop_of([&] { (void)!read(0, &byte, 1); }), SIGTTIN);
    EXPECT_EQ(stop_of([&] { (void)!write(0, "x", 1); }), 0) << "without TOSTOP";
    termios settings{};
    EXPECT_OK(tcgetattr(0, &settings));
    EXPECT_EQ(stop_of([&] { tcsetattr(0, TCSANOW, &settings); }), SIGTTOU);
    EXPECT_EQ(stop_of([&] { tcsetpgrp(0, getpgrp()); }), SIGTTOU);
    settings.c_lflag |= TOSTOP;
    EXPECT_OK(tcsetattr(0, TCSANOW, &settings));
    EXPECT_EQ(stop_of([&] { (void)!write(0, "y", 1); }), SIGTTOU);
    EXPECT_EQ(stop_of([&] {
      signal(SIGTTOU, SIG_IGN);
      EXPECT_TRUE(write_text(0, "z"));
    }), 0);
    EXPECT_EQ(stop_of([&] {
      signal(SIGTTIN, SIG_IGN);
      EXPECT_ERRNO(EIO, read(0, &byte, 1));
    }), 0);
  });
  EXPECT_EQ(read_bytes(pty.master, 2), "xz");
  EXPECT_TRUE(reap(leader).exited(0));
}

TEST(PtyJobs, MasterMayWriteAndReadFromAnywhere) {
  Pty pty;
  const pid_t leader = pty.start_session([&] { EXPECT_TRUE(write_text(0, read_bytes(0, 2))); });
  EXPECT_TRUE(write_text(pty.master, "ab"));
  EXPECT_EQ(read_bytes(pty.master, 2), "ab");
  EXPECT_TRUE(reap(leader).exited(0));
}

TEST(PtyJobs, ClosingTheMasterHangsTheSessionUp) {
  Pty pty;
  Pipe ready, told;
  const pid_t leader = pty.start_session([&] {
    hold_signal(SIGHUP);
    const pid_t job = spawn_checked([&] {
      EXPECT_OK(setpgid(0, 0));
      signal(SIGTTOU, SIG_IGN);
      EXPECT_OK(tcsetpgrp(0, getpid()));
      ready.notify();
      char byte;
      EXPECT_LE(read(0, &byte, 1), 0) << "the foreground hears of it by reading";
    });
    EXPECT_EQ(wait_for_signal(SIGHUP), SIGHUP);
    EXPECT_ERRNO(ENXIO, open("/dev/tty", O_RDWR));
    EXPECT_TRUE(reap(job).exited(0));
  });
  ready.wait();
  pty.master.close();
  EXPECT_TRUE(reap(leader).exited(0));
}

TEST(PtyJobs, ALeaderThatDiesOfTheHangUpTakesTheForegroundAlong) {
  Pty pty;
  Pipe ready, told;
  const pid_t leader = pty.start_session([&] {
    signal(SIGHUP, SIG_DFL);
    const pid_t job = spawn_checked([&] {
      hold_signal(SIGHUP);
      EXPECT_OK(setpgid(0, 0));
      signal(SIGTTOU, SIG_IGN);
      EXPECT_OK(tcsetpgrp(0, getpid()));
      ready.notify();
      if (wait_signal(signal_set({SIGHUP})) == SIGHUP) told.notify();
    });
    (void)job;
    while (true) pause();
  });
  ready.wait();
  told.write.close();
  pty.master.close();
  EXPECT_TRUE(reap(leader).killed_by(SIGHUP));
  EXPECT_TRUE(told.wait());
}

TEST(PtyJobs, EndOfTheLeaderFreesTheTerminal) {
  Pty pty;
  Pipe ready;
  const pid_t leader = pty.start_session([&] {
    const pid_t job = spawn([&] {
      signal(SIGHUP, SIG_DFL);
      ready.notify();
      while (true) pause();
      return 0;
    });
    ready.wait();
    (void)job;
  });
  EXPECT_TRUE(reap(leader).exited(0));
  EXPECT_CHILD({
    EXPECT_OK(setsid());
    EXPECT_OK(ioctl(pty.slave, TIOCSCTTY, 0));
  });
}

// A session may keep the terminal when nobody has it open any more.
TEST(PtyJobs, TheTerminalMayGoBeforeTheSession) {
  Pty pty;
  Pipe ready, gone;
  const pid_t leader = pty.start_session([&] {
    gone.write.close();
    signal(SIGHUP, SIG_IGN);
    ::close(0);
    ready.notify();
    gone.wait();
    EXPECT_ERRNO(ENXIO, open("/dev/tty", O_RDWR));
  });
  ready.wait();
  pty.slave.close();
  pty.master.close();
  gone.write.close();
  EXPECT_TRUE(reap(leader).exited(0));
}

}  // namespace
}  // namespace cv6::guest
