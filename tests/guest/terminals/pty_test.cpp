// Pseudo terminals, pty(7): names and locks, what goes through in both directions, the ends of each side.
#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include <set>

#include "support/pty.hpp"
#include "support/signals.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

short events_of(int descriptor, short wanted = POLLIN | POLLOUT) {
  pollfd look{descriptor, wanted, 0};
  EXPECT_GE(poll(&look, 1, 0), 0);
  return look.revents;
}

TEST(Ptys, AreLockedAtFirst) {
  const Descriptor master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_OK(master.get());
  int locked = 0;
  EXPECT_OK(ioctl(master, TIOCGPTLCK, &locked));
  EXPECT_NE(locked, 0);
  const std::string name = slave_name(master);
  EXPECT_ERRNO(EIO, open(name.c_str(), O_RDWR | O_NOCTTY));
  EXPECT_ERRNO(EIO, ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
  EXPECT_OK(unlockpt(master));
  EXPECT_OK(ioctl(master, TIOCGPTLCK, &locked));
  EXPECT_EQ(locked, 0);
  const Descriptor slave = open_file(name.c_str(), O_RDWR | O_NOCTTY);
  EXPECT_OK(slave.get());
  locked = 1;
  EXPECT_OK(ioctl(master, TIOCSPTLCK, &locked));
  EXPECT_ERRNO(EIO, open(name.c_str(), O_RDWR | O_NOCTTY));
}

TEST(Ptys, HaveNames) {
  Pty pty;
  unsigned number = 0;
  EXPECT_OK(ioctl(pty.master, TIOCGPTN, &number));
  EXPECT_EQ(pty.name, "/dev/pts/" + std::to_string(number));
  EXPECT_STREQ(ttyname(pty.slave), pty.name.c_str());
  EXPECT_TRUE(isatty(pty.slave));
  EXPECT_TRUE(isatty(pty.master));
  struct stat named{}, open{};
  ASSERT_OK(stat(pty.name.c_str(), &named));
  ASSERT_OK(fstat(pty.slave, &open));
  EXPECT_TRUE(S_ISCHR(named.st_mode));
  EXPECT_EQ(named.st_rdev, makedev(136, number));
  EXPECT_EQ(named.st_ino, open.st_ino);
  EXPECT_EQ(named.st_uid, geteuid());
  EXPECT_EQ(named.st_mode & 0002, 0u);
  ASSERT_OK(fstat(pty.master, &open));
  EXPECT_EQ(open.st_rdev, makedev(5, 2));
  ASSERT_OK(stat("/dev/ptmx", &open));
  EXPECT_EQ(open.st_rdev, makedev(5, 2));
  struct statfs system{};
  ASSERT_OK(statfs("/dev/pts", &system));
  EXPECT_EQ(system.f_type, 0x1cd1);
  EXPECT_OK(fchmod(pty.slave, 0600));
  ASSERT_OK(stat(pty.name.c_str(), &named));
  EXPECT_EQ(named.st_mode & 0777, 0600u);
}

std::set<std::string> listed() {
  std::set<std::string> names;
  DIR* directory = opendir("/dev/pts");
  EXPECT_NE(directory, nullptr);
  while (const dirent* entry = readdir(directory)) names.insert(entry->d_name);
  closedir(directory);
  return names;
}

TEST(Ptys, AreListedWhileTheMasterIsOpen) {
  Pty pty;
  const std::string number = pty.name.substr(strlen("/dev/pts/"));
  EXPECT_TRUE(listed().contains(number));
  EXPECT_TRUE(listed().contains("ptmx"));
  EXPECT_ERRNO(ENOENT, open(("/dev/pts/0" + number).c_str(), O_RDWR | O_NOCTTY));
  EXPECT_ERRNO(ENOENT, open("/dev/pts/4000000000000", O_RDWR | O_NOCTTY));
  EXPECT_ERRNO(ENOENT, open("/dev/pts/x", O_RDWR | O_NOCTTY));
  pty.master.close();
  EXPECT_FALSE(listed().contains(number));
  EXPECT_ERRNO(ENOENT, open(pty.name.c_str(), O_RDWR | O_NOCTTY));
}

TEST(Ptys, TakeTheLowestFreeNumber) {
  std::vector<Pty> ptys(3);
  const std::string second = ptys[1].name;
  ptys[1].master.close();
  EXPECT_NE(Pty().name, second) << "the slave still has it";
  ptys[1].slave.close();
  EXPECT_EQ(Pty().name, second);
}

TEST(Ptys, ManyAtOnce) {
  std::vector<Pty> ptys(100);
  std::set<std::string> names;
  for (std::size_t i = 0; i < ptys.size(); ++i) {
    names.insert(ptys[i].name);
    EXPECT_TRUE(write_text(ptys[i].slave, std::to_string(i) + "\n"));
  }
  EXPECT_EQ(names.size(), ptys.size());
  for (std::size_t i = 0; i < ptys.size(); ++i) EXPECT_EQ(read_line(ptys[i].master), std::to_string(i) + "\n");
}

TEST(Ptys, PeerNeedsNoName) {
  const Descriptor master = open_master();
  const Descriptor peer(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_OK(peer.get());
  EXPECT_EQ(fcntl(peer, F_GETFD), FD_CLOEXEC);
  EXPECT_STREQ(ttyname(peer), slave_name(master).c_str());
  EXPECT_TRUE(write_text(peer, "x"));
  EXPECT_EQ(read_bytes(master, 1), "x");
  EXPECT_ERRNO(EIO, ioctl(peer, TIOCGPTPEER, O_RDWR));
  EXPECT_ERRNO(ENOTTY, ioctl(Pipe().read, TIOCGPTPEER, O_RDWR));
  unsigned number;
  EXPECT_ERRNO(ENOTTY, ioctl(peer, TIOCGPTN, &number));
}

TEST(Ptys, CookTheInput) {
  Pty pty(Pty::Mode::cooked);
  ASSERT_TRUE(write_text(pty.master, "wrohg\x7f\x7fng\r"));
  EXPECT_EQ(read_line(pty.slave), "wrong\n");
  EXPECT_EQ(read_until(pty.master, "ng\r\n"), "wrohg\b \b\b \bng\r\n");
  ASSERT_TRUE(write_text(pty.slave, "a\nb"));
  EXPECT_EQ(read_bytes(pty.master, 4), "a\r\nb");
  ASSERT_TRUE(write_text(pty.master, "\x04"));
  char byte;
  EXPECT_EQ(read(pty.slave, &byte, 1), 0) << "^D";
}

TEST(Ptys, KeepWhatWasTypedBeforeAnybodyLooked) {
  const Descriptor master = open_master();
  ASSERT_TRUE(write_text(master, "early\n"));
  const Descriptor slave = open_file(slave_name(master).c_str(), O_RDWR | O_NOCTTY);
  EXPECT_EQ(read_line(slave), "early\n");
}

TEST(Ptys, LinesBehindTheLongestOneWait) {
  Pty pty(Pty::Mode::cooked);
  const std::string longest = std::string(4095, 'x') + "\n";
  for (const auto& typed : {longest, std::string(5000, 'x') + "\n"}) {
    ASSERT_TRUE(write_text(pty.master, typed + "second\nthird\n"));
    for (const auto& line : {longest, std::string("second\n"), std::string("third\n")}) {
      ASSERT_TRUE(wait_until([&] { return (events_of(pty.slave) & POLLIN) != 0; }));
      EXPECT_EQ(read_line(pty.slave), line);
    }
  }
}

TEST(Ptys, GiveOneLineHoweverLong) {
  Pty pty(Pty::Mode::cooked);
  for (const std::size_t size : {255, 256, 257, 512}) {
    const std::string line(size, 'x');
    ASSERT_TRUE(write_text(pty.master, line + "\x04next\n"));
    ASSERT_TRUE(wait_until([&] {
      int waiting = 0;
      return ioctl(pty.slave, FIONREAD, &waiting) == 0 && waiting >= static_cast<int>(size) + 5;
    }));
    char bytes[1000];
    EXPECT_EQ(read(pty.slave, bytes, sizeof bytes), static_cast<ssize_t>(size));
    EXPECT_EQ(read_line(pty.slave), "next\n");
  }
}

TEST(Ptys, ReadingNothingWaitsForNothing) {
  Pty pty(Pty::Mode::cooked);
  EXPECT_EQ(read(pty.slave, nullptr, 0), 0);
}

TEST(Ptys, WhatWasWrittenBeforeABadAddressCounts) {
  Pty pty;
  const auto size = static_cast<std::size_t>(getpagesize());
  char* page = static_cast<char*>(mmap(nullptr, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(page, MAP_FAILED);
  ASSERT_OK(mprotect(page + size, size, PROT_NONE));
  for (const int end : {pty.slave.get(), pty.master.get()}) {
    const pid_t reader = spawn([&] {
      return read_bytes(end == pty.slave ? pty.master : pty.slave, size).size() == size ? 0 : 1;
    });
    EXPECT_EQ(write(end, page, 2 * size), static_cast<ssize_t>(size));
    EXPECT_TRUE(reap(reader).exited(0));
  }
  EXPECT_OK(munmap(page, 2 * size));
}

TEST(Ptys, ModesAreOfTheTerminalFromEitherEnd) {
  Pty pty(Pty::Mode::cooked);
  termios settings{};
  ASSERT_OK(tcgetattr(pty.master, &settings));
  EXPECT_TRUE(settings.c_lflag & ECHO);
  settings.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  for (const int when : {TCSANOW, TCSADRAIN, TCSAFLUSH}) ASSERT_OK(tcsetattr(pty.master, when, &settings));
  termios seen{};
  ASSERT_OK(tcgetattr(pty.slave, &seen));
  EXPECT_FALSE(seen.c_lflag & ECHO);
  EXPECT_OK(tcdrain(pty.slave));
  EXPECT_OK(tcsendbreak(pty.slave, 0));
}

TEST(Ptys, DrainWaitsForNobody) {
  Pty pty;
  ASSERT_TRUE(write_text(pty.slave, "unread"));
  termios settings{};
  ASSERT_OK(tcgetattr(pty.slave, &settings));
  EXPECT_OK(tcsetattr(pty.slave, TCSADRAIN, &settings));
  EXPECT_EQ(read_bytes(pty.master, 6), "unread");
}

TEST(Ptys, FlushDropsWhatIsOnItsWay) {
  Pty pty;
  int waiting = -1;
  ASSERT_TRUE(write_text(pty.master, "typed"));
  ASSERT_TRUE(wait_until([&] { return ioctl(pty.slave, FIONREAD, &waiting) == 0 && waiting == 5; }));
  EXPECT_OK(tcflush(pty.slave, TCIFLUSH));
  EXPECT_OK(ioctl(pty.slave, FIONREAD, &waiting));
  EXPECT_EQ(waiting, 0);
  ASSERT_TRUE(write_text(pty.slave, "printed"));
  ASSERT_TRUE(wait_until([&] { return ioctl(pty.master, FIONREAD, &waiting) == 0 && waiting == 7; }));
  EXPECT_OK(tcflush(pty.master, TCIFLUSH));
  EXPECT_OK(ioctl(pty.master, FIONREAD, &waiting));
  EXPECT_EQ(waiting, 0);
  EXPECT_ERRNO(EINVAL, tcflush(pty.slave, 77));
}

TEST(Ptys, NonblockingEnds) {
  Pty pty;
  for (const int end : {pty.master.get(), pty.slave.get()}) {
    ASSERT_OK(fcntl(end, F_SETFL, O_NONBLOCK));
    char byte;
    EXPECT_ERRNO(EAGAIN, read(end, &byte, 1));
    EXPECT_EQ(events_of(end), POLLOUT);
    const std::string much(1000, 'x');
    std::size_t written = 0;
    // On Linux what was written moves on by itself, so there may be room again a moment after there was none.
    ASSERT_TRUE(wait_until([&] {
      ssize_t count;
      while ((count = write(end, much.data(), much.size())) > 0) written += static_cast<std::size_t>(count);
      EXPECT_ERRNO(EAGAIN, count);
      return written >= 1u << 20 || !(events_of(end) & POLLOUT);
    }));
    EXPECT_GE(written, 2000u);
    EXPECT_LT(written, 1u << 20);
    const int other = end == pty.slave ? pty.master : pty.slave;
    EXPECT_EQ(read_bytes(other, written).size(), written) << "nothing is lost";
    ASSERT_TRUE(wait_until([&] { return events_of(end) == POLLOUT; }));
  }
}

TEST(Ptys, ReadsAndWritesWait) {
  Pty pty;
  const std::string much(100'000, 'm');
  for (const bool from_master : {true, false}) {
    const int from = from_master ? pty.master : pty.slave, to = from_master ? pty.slave : pty.master;
    const pid_t writer = spawn([&] { return write_text(from, much) ? 0 : 1; });
    EXPECT_EQ(read_bytes(to, much.size()), much);
    EXPECT_TRUE(reap(writer).exited(0));
    const pid_t reader = spawn([&] { return read_bytes(to, 3) == "yes" ? 0 : 1; });
    ASSERT_TRUE(wait_until_blocked(reader));
    EXPECT_TRUE(write_text(from, "yes"));
    EXPECT_TRUE(reap(reader).exited(0));
  }
}

// A gigabyte of `byte` in one write, for which there is always room: seconds, unless a signal ends it.
void write_until_interrupted(int end, char byte) {
  std::string much(1 << 20, byte);
  const std::vector<iovec> pieces(1024, {much.data(), much.size()});
  const Handler handler(SIGALRM, [](int) {});
  const itimerval often{{0, 10'000}, {0, 10'000}};
  ASSERT_OK(setitimer(ITIMER_REAL, &often, nullptr));
  const ssize_t count = writev(end, pieces.data(), static_cast<int>(pieces.size()));
  const itimerval never{};
  EXPECT_OK(setitimer(ITIMER_REAL, &never, nullptr));
  EXPECT_GT(count, 0);
  EXPECT_LT(count, static_cast<ssize_t>(pieces.size() * much.size()));
}

TEST(Ptys, ASignalEndsALineWithoutEnd) {
  EXPECT_CHILD(Pty pty(Pty::Mode::cooked); write_until_interrupted(pty.master, 'a'););
}

TEST(Ptys, ASignalEndsOutputOfNothing) {
  EXPECT_CHILD({
    Pty pty;
    termios settings{};
    ASSERT_OK(tcgetattr(pty.slave, &settings));
    settings.c_oflag = OPOST | ONOCR;  // a carriage return where the cursor is in column 0 is left out
    ASSERT_OK(tcsetattr(pty.slave, TCSANOW, &settings));
    write_until_interrupted(pty.slave, '\r');
  });
}

TEST(Ptys, WritersBehindOneThatWaitsForRoom) {
  Pty pty;
  const auto writes_much = [&] { return write_text(pty.slave, std::string(1 << 20, 'x')) ? 0 : 1; };
  const pid_t first = spawn(writes_much);
  ASSERT_TRUE(wait_until_blocked(first));
  const Descriptor other = pty.open_slave(O_RDWR | O_NOCTTY | O_NONBLOCK);
  EXPECT_ERRNO(EAGAIN, write(other, "x", 1));
  const pid_t second = spawn(writes_much);
  ASSERT_TRUE(wait_until_blocked(second));
  ASSERT_OK(kill(second, SIGKILL));
  EXPECT_TRUE(reap(second).killed_by(SIGKILL));
  ASSERT_OK(kill(first, SIGKILL));
  EXPECT_TRUE(reap(first).killed_by(SIGKILL));
}

TEST(Ptys, MasterSeesThatNobodyIsThere) {
  Pty pty;
  ASSERT_TRUE(write_text(pty.slave, "last words"));
  Descriptor other = pty.open_slave();
  pty.slave.close();
  EXPECT_FALSE(events_of(pty.master) & POLLHUP);
  other.close();
  EXPECT_EQ(events_of(pty.master) & (POLLIN | POLLHUP), POLLIN | POLLHUP);
  EXPECT_EQ(read_bytes(pty.master, 10), "last words");
  char byte;
  EXPECT_ERRNO(EIO, read(pty.master, &byte, 1));
  EXPECT_EQ(events_of(pty.master) & POLLHUP, POLLHUP);
  // Until somebody comes again.
  pty.slave = pty.open_slave();
  ASSERT_OK(pty.slave.get());
  EXPECT_FALSE(events_of(pty.master) & POLLHUP);
  EXPECT_TRUE(write_text(pty.slave, "again"));
  EXPECT_EQ(read_bytes(pty.master, 5), "again");
}

TEST(Ptys, WaitingMasterLearnsOfTheEnd) {
  Pty pty;
  const pid_t reader = spawn([&] {
    pty.slave.close();
    char byte;
    return read(pty.master, &byte, 1) == -1 && errno == EIO ? 0 : 1;
  });
  ASSERT_TRUE(wait_until_blocked(reader));
  pty.slave.close();
  EXPECT_TRUE(reap(reader).exited(0));
}

TEST(Ptys, SlaveIsHungUp) {
  Pty pty;
  const pid_t reader = spawn([&] {
    pty.master.close();
    char byte;
    const ssize_t count = read(pty.slave, &byte, 1);
    return count == 0 || (count == -1 && errno == EIO) ? 0 : 1;
  });
  ASSERT_TRUE(wait_until_blocked(reader));
  pty.master.close();
  EXPECT_TRUE(reap(reader).exited(0));
  char byte = 0;
  EXPECT_EQ(read(pty.slave, &byte, 1), 0);
  EXPECT_ERRNO(EIO, write(pty.slave, &byte, 1));
  termios settings{};
  EXPECT_ERRNO(EIO, tcgetattr(pty.slave, &settings));
  EXPECT_FALSE(isatty(pty.slave));
  EXPECT_EQ(events_of(pty.slave), POLLIN | POLLOUT | POLLERR | POLLHUP);
  EXPECT_ERRNO(ENOTTY, tcsetpgrp(pty.slave, getpgrp()));
}

TEST(Ptys, WaitingWriterIsHungUp) {
  Pty pty;
  Pipe told;
  const pid_t writer = spawn([&] {
    pty.master.close();
    const std::string much(1 << 20, 'x');
    // What found room before counts; then there is an error.
    if (write(pty.slave, much.data(), much.size()) == static_cast<ssize_t>(much.size())) return 1;
    return write(pty.slave, "x", 1) == -1 && errno == EIO ? 0 : 1;
  });
  ASSERT_TRUE(wait_until_blocked(writer));
  pty.master.close();
  EXPECT_TRUE(reap(writer).exited(0));
}

TEST(Ptys, OutputCanBeStopped) {
  Pty pty(Pty::Mode::cooked);
  ASSERT_OK(fcntl(pty.slave, F_SETFL, O_NONBLOCK));
  ASSERT_TRUE(write_text(pty.master, "\x13"));  // ^S
  ASSERT_TRUE(wait_until([&] { return write(pty.slave, "x", 1) == -1 && errno == EAGAIN; }));
  ASSERT_TRUE(write_text(pty.master, "\x11"));
  ASSERT_TRUE(wait_until([&] { return write(pty.slave, "y", 1) == 1; }));
}

TEST(Ptys, UnknownRequests) {
  Pty pty;
  EXPECT_ERRNO(ENOTTY, ioctl(pty.master, 0x54ff, 0));
  EXPECT_ERRNO(ENOTTY, ioctl(pty.slave, 0x54ff, 0));
  EXPECT_ERRNO(EFAULT, ioctl(pty.master, TIOCGPTN, 8));
  EXPECT_ERRNO(ESPIPE, lseek(pty.master, 0, SEEK_SET));
  EXPECT_ERRNO(ESPIPE, lseek(pty.slave, 0, SEEK_SET));
}

}  // namespace
}  // namespace cv6::guest
