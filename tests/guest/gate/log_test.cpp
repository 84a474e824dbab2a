// What a container's log of system calls says, and how it is read.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gate/gated_box.hpp"

namespace cv6::guest {
namespace {

class GateLog : public Containers {};

std::size_t occurrences(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++count;
  return count;
}
#define EXPECT_HAS(text, what) EXPECT_NE((text).find(what), std::string::npos) << (what) << " is missing in:\n" << (text)

TEST_F(GateLog, ShowsCallsAsStraceDoes) {
  const GatedBox box;
  ASSERT_OK(box.set_log(ContainerLog::records | ContainerLog::texts, 256));
  ASSERT_TRUE(box.run([]() -> int {
                   const int fd = open("/etc/motd", O_RDONLY | O_CLOEXEC);
                   open("/no \"such\"\n", O_WRONLY | O_CREAT | O_EXCL, 0640);
                   syscall(SYS_getppid);
                   lseek(fd, -1, SEEK_END);
                   kill(getpid(), 0);
                   mkdir("/tmp/made", 0750);
                   open((const char*)8, 0);
                   syscall(700, 1, 2);
                   _exit(7);
                 }).exited(7));
  const std::string log = box.log_text();
  EXPECT_HAS(log, "openat(AT_FDCWD, \"/etc/motd\", O_RDONLY|O_CLOEXEC) = ");
  EXPECT_HAS(log, "openat(AT_FDCWD, \"/no \\\"such\\\"\\n\", O_WRONLY|O_CREAT|O_EXCL, 0640) = ");
  EXPECT_HAS(log, "] getppid() = 0 <0.");
  EXPECT_HAS(log, ", -1, SEEK_END) = ");
  EXPECT_HAS(log, "mkdir(\"/tmp/made\", 0750) = 0 <");
  EXPECT_HAS(log, "openat(AT_FDCWD, 0x8, O_RDONLY) = -1 EFAULT <");
  EXPECT_HAS(log, "syscall_700(0x1, 0x2");
  EXPECT_HAS(log, "= -1 ENOSYS <");
  EXPECT_HAS(log, "exit_group(7) = ?\n");
}

TEST_F(GateLog, ShowsCallsOnSockets) {
  const GatedBox box;
  ASSERT_OK(box.set_log(ContainerLog::records | ContainerLog::texts, 256));
  ASSERT_TRUE(box.run([]() -> int {
                   const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                   socket(AF_INET6, SOCK_DGRAM, 0);
                   send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
                   shutdown(fd, SHUT_RDWR);
                   const int on = 1;
                   setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
                   _exit(0);
                 }).exited(0));
  const std::string log = box.log_text();
  EXPECT_HAS(log, "socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0) = ");
  EXPECT_HAS(log, "socket(AF_INET6, SOCK_DGRAM, 0) = -1 EAFNOSUPPORT <");
  EXPECT_HAS(log, ", 1, MSG_DONTWAIT|MSG_NOSIGNAL, NULL, 0) = -1 ENOTCONN <");
  EXPECT_HAS(log, ", SHUT_RDWR) = 0 <");
  EXPECT_HAS(log, ", SOL_SOCKET, SO_PASSCRED, 0x");
}

TEST_F(GateLog, RecordsCallsThatReplaceTheirCaller) {
  const GatedBox box;
  ASSERT_OK(box.set_log(ContainerLog::records | ContainerLog::texts, 256));
  const auto program = [] {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigaction(SIGUSR1, &action, nullptr);
    raise(SIGUSR1);
    execl("/bin/busybox", "true", nullptr);
    return 1;
  };
  ASSERT_TRUE(box.run(program).exited(0));
  const std::string log = box.log_text();
  EXPECT_HAS(log, "execve(\"/bin/busybox\", 0x");
  EXPECT_HAS(log, "rt_sigreturn(");
  // Raw as well.
  const GatedBox raw;
  ASSERT_OK(raw.set_log(ContainerLog::records, 256));
  ASSERT_TRUE(raw.run(program).exited(0));
  const std::string raw_log = raw.log_text();
  EXPECT_HAS(raw_log, "execve(0x");
  EXPECT_HAS(raw_log, "exit_group(0) = ?\n");
}

TEST_F(GateLog, KeepsTheNewestAndCountsWhatIsLost) {
  const GatedBox box;
  ASSERT_OK(box.set_log(ContainerLog::records, 16));
  ASSERT_TRUE(box.run([] {
                   for (int i = 0; i < 100; ++i) syscall(SYS_lseek, 1000 + i, 0, 0);
                   return 0;
                 }).exited(0));
  const ContainerLog state = box.log();
  EXPECT_EQ(state.capacity, 16u);
  EXPECT_EQ(state.lost, state.recorded - 16);
  const std::string log = box.log_text();
  EXPECT_EQ(occurrences(log, "\n"), 1 + 16u) << log;
  EXPECT_TRUE(log.starts_with("--- " + std::to_string(state.lost) + " calls lost ---\n")) << log;
  EXPECT_HAS(log, "lseek(1099, 0, SEEK_SET) = -1 EBADF");
}

TEST_F(GateLog, AReaderIsToldWhatItMissed) {
  const GatedBox box;
  ASSERT_OK(box.set_log(ContainerLog::records, 16));
  const int fd = open_container_log({box.id(), 0});
  ASSERT_OK(fd);
  ASSERT_TRUE(box.run([] {
                   for (int i = 0; i < 100; ++i) syscall(SYS_getppid);
                   return 0;
                 }).exited(0));
  const std::string log = GatedBox::read_all(fd);
  EXPECT_TRUE(log.starts_with("--- ")) << log;
  EXPECT_HAS(log.substr(0, log.find('\n')), " calls lost ---");
}

TEST_F(GateLog, DeniedCallsAreRecordedEvenWhenNothingElseIs) {
  const GatedBox box;
  ASSERT_OK(box.deny({SYS_mkdir}));
  ASSERT_TRUE(box.run([] {
                   syscall(SYS_getppid);
                   return errno_of_call(SYS_mkdir, (long)"/tmp/x", 0700);
                 }).exited(EPERM));
  const std::string log = box.log_text();
  EXPECT_HAS(log, "mkdir(\"/tmp/x\", 0700) = -1 EPERM (not allowed in this container)\n");
  EXPECT_EQ(occurrences(log, "\n"), 1u) << log;
  ASSERT_OK(change_rules(box.id(), Rules::replace, {SYS_mkdir}, {SYS_mkdir}));
  ASSERT_TRUE(box.run([] { return errno_of_call(SYS_mkdir, (long)"/tmp/y", 0700); }).killed_by(SIGSYS));
  EXPECT_HAS(box.log_text(), "mkdir(\"/tmp/y\", 0700) = ? (not allowed in this container: killed)\n");
}

TEST_F(GateLog, CountsCallsFailuresAndTime) {
  const GatedBox box;
  ASSERT_OK(box.set_log(ContainerLog::counts, 0));
  ASSERT_TRUE(box.run([] {
                   for (int i = 0; i < 50; ++i) syscall(SYS_getppid);
                   for (int i = 0; i < 7; ++i) close(-1);
                   return 0;
                 }).exited(0));
  EXPECT_EQ(box.count(SYS_getppid).calls, 50u);
  EXPECT_EQ(box.count(SYS_getppid).failures, 0u);
  EXPECT_GT(box.count(SYS_getppid).nanoseconds, 0u);
  EXPECT_EQ(box.count(SYS_close).failures, 7u);
  EXPECT_EQ(box.count(SYS_exit_group).calls, 1u);
  EXPECT_EQ(box.log().recorded, 0u);
}

TEST_F(GateLog, CountersStayWhileCallsAreWatchedAsWell) {
  const GatedBox box;
  const auto one_call = [] { return syscall(SYS_getppid) < 0; };
  ASSERT_OK(box.set_log(ContainerLog::counts, 0));
  ASSERT_TRUE(box.run(one_call).exited(0));
  ASSERT_OK(box.set_log(ContainerLog::counts | ContainerLog::records, 64));
  ASSERT_TRUE(box.run(one_call).exited(0));
  EXPECT_EQ(box.count(SYS_getppid).calls, 2u);
  EXPECT_HAS(box.log_text(), "getppid()");
}

TEST_F(GateLog, ItsMemoryIsChargedAndGivenBack) {
  const GatedBox box;
  ContainerStat before;
  before.id = box.id();
  ASSERT_OK(stat_container(before));
  ASSERT_OK(box.set_log(ContainerLog::records, 1024));
  EXPECT_EQ(box.log().memory, 1024u * 256);
  ContainerStat with = before;
  ASSERT_OK(stat_container(with));
  EXPECT_EQ(with.memory, before.memory + 1024 * 256);
  ASSERT_OK(box.set_log(0, 0));
  ASSERT_OK(stat_container(with));
  EXPECT_EQ(with.memory, before.memory);
}

TEST_F(GateLog, FollowsUntilTheContainerIsEmpty) {
  const GatedBox box;
  ASSERT_OK(box.set_log(ContainerLog::records, 64));
  int go[2];
  ASSERT_OK(pipe(go));
  const pid_t pid = box.start([&] {
    char byte;
    read(go[0], &byte, 1);
    syscall(SYS_getpgid, 0);
    return 0;
  });
  const int fd = open_container_log({box.id(), ContainerLogOpen::follow});
  ASSERT_OK(fd);
  std::string text;
  char buffer[4096];
  while (text.find("join_container") == std::string::npos && text.find("read(") == std::string::npos) {
    write(go[1], "x", 1);
    const ssize_t size = read(fd, buffer, sizeof buffer);  // blocks until there is something
    ASSERT_GT(size, 0);
    text.append(buffer, size);
  }
  text += GatedBox::read_all(fd);  // to the end, which comes
  EXPECT_HAS(text, "getpgid(0) = ");
  EXPECT_HAS(text, "exit_group(0) = ?");
  EXPECT_TRUE(reap(pid).exited(0));
  close(go[0]);
  close(go[1]);
}

TEST_F(GateLog, FollowingEndsWithTheContainer) {
  const int id = create_container({});
  ASSERT_OK(id);
  const int fd = open_container_log({id, ContainerLogOpen::follow});
  ASSERT_OK(fd);
  const pid_t reader = spawn([&] {
    char byte[256];
    return read(fd, byte, sizeof byte) == 0 ? 0 : 1;
  });
  ASSERT_OK(destroy_container(id));
  EXPECT_TRUE(reap(reader).exited(0));
  char byte[256];
  EXPECT_EQ(read(fd, byte, sizeof byte), 0);
  close(fd);
}

TEST_F(GateLog, NonblockingAndPoll) {
  const GatedBox box;
  ASSERT_OK(box.set_log(ContainerLog::records, 64));
  const int fd = open_container_log({box.id(), ContainerLogOpen::follow | ContainerLogOpen::nonblock});
  ASSERT_OK(fd);
  char buffer[4096];
  EXPECT_ERRNO(EAGAIN, read(fd, buffer, sizeof buffer));
  pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&wanted, 1, 0), 0);
  const pid_t pid = box.start([] { return 0; });
  EXPECT_EQ(poll(&wanted, 1, 60'000), 1);
  EXPECT_TRUE(reap(pid).exited(0));
  EXPECT_ERRNO(EINVAL, read(fd, buffer, 3)) << "no room for a line";
  EXPECT_GT(read(fd, buffer, sizeof buffer), 0);
  EXPECT_ERRNO(EBADF, write(fd, buffer, 1));
  close(fd);
}

// Many processes log while the ring is exchanged and dropped.
TEST_F(GateLog, SettingsChangeWhileProcessesCall) {
  const GatedBox box;
  pid_t pids[4];
  for (pid_t& pid : pids)
    pid = box.start([] {
      for (int i = 0; i < 20'000; ++i) syscall(SYS_getppid);
      return access("/", F_OK);
    });
  for (unsigned i = 0; i < 200; ++i) {
    const std::uint32_t what = i % 8;
    EXPECT_OK(box.set_log(what, what & ContainerLog::records ? 16u << i % 5 : 0));
    if (i % 10 == 0) box.log_text();
  }
  for (const pid_t pid : pids) EXPECT_TRUE(reap(pid).exited(0));
  EXPECT_OK(box.set_log(0, 0));
  EXPECT_EQ(box.log().memory, 0u);
}

TEST_F(GateLog, TheConsoleIsNotDrowned) {
  const GatedBox box;
  ASSERT_OK(box.deny({SYS_getppid}));
  int console[2];
  ASSERT_OK(pipe(console));
  ASSERT_TRUE(box.run([&] {
                   setsid();
                   dup2(console[1], 2);
                   for (int i = 0; i < 1000; ++i) syscall(SYS_getppid);
                   return 0;
                 }).exited(0));
  close(console[1]);
  const std::string text = GatedBox::read_all(console[0]);
  const std::string line = "Syscall 110 not allowed in container with ID " + std::to_string(box.id()) + "\n";
  EXPECT_TRUE(text.starts_with(line)) << text;
  EXPECT_GE(occurrences(text, line), 5u);
  EXPECT_LT(occurrences(text, "\n"), 200u);
  const ContainerLog log = box.log();
  EXPECT_EQ(log.denied, 1000u);
  EXPECT_EQ(log.denied - log.unannounced, occurrences(text, line));
}

// A console that nobody reads holds nobody up, and one that is a file is not written to.
TEST_F(GateLog, AFullConsoleDoesNotBlock) {
  const GatedBox box;
  ASSERT_OK(box.deny({SYS_getppid}));
  EXPECT_TRUE(box.run([] {
                   setsid();
                   int full[2];
                   if (pipe2(full, O_NONBLOCK) != 0) return 1;
                   char page[4096] = {};
                   while (write(full[1], page, sizeof page) > 0) {}
                   fcntl(full[1], F_SETFL, 0);
                   dup2(full[1], 2);
                   syscall(SYS_getppid);
                   const int file = open("/tmp/file", O_RDWR | O_CREAT, 0600);
                   dup2(file, 2);
                   syscall(SYS_getppid);
                   return lseek(file, 0, SEEK_END) == 0 ? 0 : 2;
                 }).exited(0));
}

}  // namespace
}  // namespace cv6::guest
