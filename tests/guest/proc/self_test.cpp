// /proc/self and /proc/PID.

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <map>
#include <sstream>
#include <thread>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class ProcSelf : public TempDir {};

std::string link_of(const std::string& path) {
  char target[4096] = {};
  EXPECT_OK(readlink(path.c_str(), target, sizeof target - 1)) << path;
  return target;
}

// The "Name: value" lines of /proc/PID/status.
std::map<std::string, std::string> status_lines(const std::string& directory = "/proc/self") {
  std::map<std::string, std::string> lines;
  std::istringstream text(read_file(directory + "/status"));
  for (std::string line; std::getline(text, line);) {
    const auto colon = line.find(":\t");
    if (colon != std::string::npos) lines[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return lines;
}

// The fields of /proc/PID/stat; the first is the pid, the second the name without its parentheses.
std::vector<std::string> stat_fields(const std::string& directory = "/proc/self") {
  const std::string text = read_file(directory + "/stat");
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  std::vector<std::string> fields{text.substr(0, open - 1), text.substr(open + 1, close - open - 1)};
  std::istringstream rest(text.substr(close + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

TEST_F(ProcSelf, SelfAndThreadSelfAreLinks) {
  EXPECT_CHILD({
    EXPECT_EQ(link_of("/proc/self"), std::to_string(getpid()));
    EXPECT_EQ(link_of("/proc/thread-self"), std::to_string(getpid()) + "/task/" + std::to_string(gettid()));
  });
}

TEST_F(ProcSelf, ExeCwdRoot) {
  const std::string exe = link_of("/proc/self/exe");
  struct stat by_link, by_name;
  ASSERT_OK(stat("/proc/self/exe", &by_link));
  ASSERT_OK(stat(exe.c_str(), &by_name));
  EXPECT_EQ(by_link.st_ino, by_name.st_ino);
  EXPECT_EQ(link_of("/proc/self/cwd"), path());
  EXPECT_EQ(link_of("/proc/self/root"), "/");
  EXPECT_EQ(read_file("/proc/self/exe").substr(0, 4), "\177ELF");
}

TEST_F(ProcSelf, CmdlineAndEnviron) {
  Pipe pipe;
  Pipe gate(0);
  const pid_t pid = spawn([&]() -> int {
    dup2(gate.read, 0);
    gate.read.close();
    gate.write.close();
    fcntl(pipe.write, F_SETFD, FD_CLOEXEC);
    const char* argv[] = {"name", "--helper", "read-to-end", "last argument", "", nullptr};
    const char* envp[] = {"ONE=1", "TWO=two words", nullptr};
    execve("/proc/self/exe", const_cast<char**>(argv), const_cast<char**>(envp));
    return 1;
  });
  pipe.write.close();
  char byte;
  EXPECT_EQ(read(pipe.read, &byte, 1), 0);  // it executes: descriptors are closed before the new stack is there
  EXPECT_TRUE(wait_until_blocked(pid));
  const std::string directory = "/proc/" + std::to_string(pid);
  EXPECT_EQ(read_file(directory + "/cmdline"), std::string("name\0--helper\0read-to-end\0last argument\0\0", 41));
  EXPECT_EQ(read_file(directory + "/environ"), std::string("ONE=1\0TWO=two words\0", 20));
  gate.write.close();
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST_F(ProcSelf, FdDirectory) {
  Descriptor null = open_file("/dev/null", O_RDONLY);
  Pipe pipe;
  EXPECT_EQ(link_of("/proc/self/fd/" + std::to_string(null)), "/dev/null");
  EXPECT_EQ(link_of("/proc/self/fd/" + std::to_string(pipe.read)).substr(0, 6), "pipe:[");
  EXPECT_EQ(link_of("/proc/self/fd/" + std::to_string(pipe.read)),
            link_of("/proc/self/fd/" + std::to_string(pipe.write)));
  DIR* stream = opendir("/proc/self/fd");
  ASSERT_NE(stream, nullptr);
  std::vector<int> seen;
  while (const dirent* entry = readdir(stream)) {
    if (entry->d_name[0] != '.') seen.push_back(atoi(entry->d_name));
  }
  for (const int fd : {null.get(), pipe.read.get(), pipe.write.get(), dirfd(stream)}) {
    EXPECT_EQ(std::count(seen.begin(), seen.end(), fd), 1) << fd;
  }
  closedir(stream);
  struct stat status;
  EXPECT_ERRNO(ENOENT, lstat("/proc/self/fd/9999", &status));
  EXPECT_ERRNO(ENOENT, lstat("/proc/self/fd/x", &status));
}

TEST_F(ProcSelf, Fdinfo) {
  write_file("f", "0123456789");
  Descriptor file = open_file("f", O_RDWR | O_APPEND);
  lseek(file, 7, SEEK_SET);
  const std::string info = read_file("/proc/self/fdinfo/" + std::to_string(file));
  EXPECT_NE(info.find("pos:\t7\n"), std::string::npos) << info;
  EXPECT_NE(info.find("flags:\t0"), std::string::npos) << info;
}

// Numbers end somewhere; positions go on.
TEST_F(ProcSelf, DirectoriesEnd) {
  for (const char* name : {"/proc", "/proc/self/task", "/proc/self/fd", "/proc/self/fdinfo"}) {
    const Descriptor directory = open_file(name, O_RDONLY | O_DIRECTORY);
    char entries[1024];
    for (const off_t base : {0, 0x10000})
      for (const off_t position : {0x7ffffffeL, 0x7fffffffL, 0x80000000L, 0x80000001L, 0xffffffffL, 0x100000000L, LONG_MAX - base}) {
        if (lseek(directory, base + position, SEEK_SET) < 0) continue;
        EXPECT_EQ(syscall(SYS_getdents64, directory.get(), entries, sizeof entries), 0) << name << " " << base + position;
      }
  }
}

TEST_F(ProcSelf, StatFields) {
  EXPECT_CHILD({
    prctl(PR_SET_NAME, "odd ) name (");
    const auto fields = stat_fields();
    ASSERT_GE(fields.size(), 44u);
    EXPECT_EQ(fields[0], std::to_string(getpid()));
    EXPECT_EQ(fields[1], "odd ) name (");
    EXPECT_EQ(fields[2], "R");
    EXPECT_EQ(fields[3], std::to_string(getppid()));
    EXPECT_EQ(fields[4], std::to_string(getpgrp()));
    EXPECT_EQ(fields[5], std::to_string(getsid(0)));
    EXPECT_EQ(fields[19], "1");            // threads
    EXPECT_GT(std::stoll(fields[21]), 0);  // start time
    EXPECT_GT(std::stoll(fields[22]), 0);  // virtual size in bytes
    EXPECT_GT(std::stoll(fields[23]), 0);  // resident pages
  });
}

TEST_F(ProcSelf, Statm) {
  std::istringstream text(read_file("/proc/self/statm"));
  long size = 0, resident = 0, shared = 0;
  text >> size >> resident >> shared;
  EXPECT_GT(size, 0);
  EXPECT_GT(resident, 0);
  EXPECT_LE(resident, size);
  Mapping mapping(1000 * page_size);
  std::istringstream again(read_file("/proc/self/statm"));
  long larger = 0;
  again >> larger;
  EXPECT_GE(larger, size + 900);
}

TEST_F(ProcSelf, StatusLines) {
  EXPECT_CHILD({
    prctl(PR_SET_NAME, "status-test");
    umask(027);
    const auto lines = status_lines();
    const auto line = [&](const char* name) {
      const auto found = lines.find(name);
      EXPECT_NE(found, lines.end()) << name;
      return found == lines.end() ? std::string() : found->second;
    };
    EXPECT_EQ(line("Name"), "status-test");
    EXPECT_EQ(line("Umask"), "0027");
    EXPECT_EQ(line("State").substr(0, 1), "R");
    EXPECT_EQ(line("Pid"), std::to_string(getpid()));
    EXPECT_EQ(line("Tgid"), std::to_string(getpid()));
    EXPECT_EQ(line("PPid"), std::to_string(getppid()));
    EXPECT_EQ(line("Uid"), "0\t0\t0\t0");
    EXPECT_EQ(line("Gid"), "0\t0\t0\t0");
    EXPECT_EQ(line("Threads"), "1");
    EXPECT_NE(line("VmSize").find(" kB"), std::string::npos);
    EXPECT_NE(line("VmRSS").find(" kB"), std::string::npos);
  });
}

TEST_F(ProcSelf, StatusOfSignals) {
  EXPECT_CHILD({
    const sigset_t set = signal_set({SIGUSR1});
    sigprocmask(SIG_BLOCK, &set, nullptr);  // for good: at the end it would be delivered
    Handler handler(SIGUSR2, [](int) {});
    signal(SIGHUP, SIG_IGN);
    raise(SIGUSR1);
    auto lines = status_lines();
    const auto mask = [&](const char* name) { return std::stoull(lines[name], nullptr, 16); };
    const auto bit = [](int signal) { return 1ULL << (signal - 1); };
    EXPECT_EQ(lines["SigBlk"].size(), 16u);
    EXPECT_TRUE(mask("SigBlk") & bit(SIGUSR1));
    EXPECT_TRUE((mask("SigPnd") | mask("ShdPnd")) & bit(SIGUSR1));
    EXPECT_TRUE(mask("SigCgt") & bit(SIGUSR2));
    EXPECT_TRUE(mask("SigIgn") & bit(SIGHUP));
  });
}

TEST_F(ProcSelf, StatusOfIds) {
  EXPECT_CHILD({
    ASSERT_OK(setresgid(4, 5, 6));
    ASSERT_OK(setresuid(1, 2, 3));
    auto lines = status_lines("/proc/" + std::to_string(getpid()));
    EXPECT_EQ(lines["Uid"], "1\t2\t3\t2");
    EXPECT_EQ(lines["Gid"], "4\t5\t6\t5");
  });
}

TEST_F(ProcSelf, ThreadsAreCounted) {
  EXPECT_CHILD({
    std::atomic<bool> stop{false};
    std::thread first([&] { stop.wait(false); });
    std::thread second([&] { stop.wait(false); });
    EXPECT_EQ(status_lines()["Threads"], "3");
    EXPECT_EQ(stat_fields()[19], "3");
    stop = true;
    stop.notify_all();
    first.join();
    second.join();
  });
}

TEST_F(ProcSelf, CommCanBeWritten) {
  EXPECT_CHILD({
    Descriptor comm = open_file("/proc/self/comm", O_RDWR);
    ASSERT_OK(comm);
    EXPECT_EQ(write(comm, "renamed", 7), 7);
    char name[16] = {};
    prctl(PR_GET_NAME, name);
    EXPECT_STREQ(name, "renamed");
  });
}

TEST_F(ProcSelf, StatesOfOtherProcesses) {
  Pipe gate;
  const pid_t pid = spawn([&] {
    gate.write.close();
    gate.wait();
    return 0;
  });
  EXPECT_TRUE(wait_for_state(pid, 'S'));
  kill(pid, SIGSTOP);
  EXPECT_TRUE(wait_for_state(pid, 'T'));
  kill(pid, SIGCONT);
  EXPECT_TRUE(wait_for_state(pid, 'S'));
  gate.write.close();
  EXPECT_TRUE(wait_for_state(pid, 'Z'));
  EXPECT_EQ(read_file("/proc/" + std::to_string(pid) + "/cmdline"), "");
  char target[64];
  EXPECT_ERRNO(ENOENT, readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), target, sizeof target));
  reap(pid);
  EXPECT_FALSE(exists("/proc/" + std::to_string(pid)));
}

TEST_F(ProcSelf, FilesOfAProcessThatEnds) {
  Pipe gate;
  const pid_t pid = spawn([&] {
    gate.write.close();
    gate.wait();
    return 0;
  });
  Descriptor directory = open_file(("/proc/" + std::to_string(pid)).c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_OK(directory);
  Descriptor file(openat(directory, "stat", O_RDONLY | O_CLOEXEC));
  ASSERT_OK(file);
  gate.write.close();
  reap(pid);
  char buffer[256];
  EXPECT_ERRNO(ESRCH, read(file, buffer, sizeof buffer));
  EXPECT_ERRNO(ESRCH, openat(directory, "stat", O_RDONLY));
}

TEST_F(ProcSelf, ListsProcesses) {
  std::vector<pid_t> pids;
  Pipe gate;
  for (int i = 0; i < 10; ++i) {
    pids.push_back(spawn([&] {
      gate.write.close();
      gate.wait();
      return 0;
    }));
  }
  DIR* stream = opendir("/proc");
  ASSERT_NE(stream, nullptr);
  std::vector<int> seen;
  while (const dirent* entry = readdir(stream)) {
    if (isdigit(entry->d_name[0])) seen.push_back(atoi(entry->d_name));
  }
  closedir(stream);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(std::count(seen.begin(), seen.end(), getpid()), 1);
  for (const pid_t pid : pids) EXPECT_EQ(std::count(seen.begin(), seen.end(), pid), 1);
  gate.write.close();
  for (const pid_t pid : pids) reap(pid);
}

TEST_F(ProcSelf, CgroupLines) {
  std::istringstream text(read_file("/proc/self/cgroup"));
  int count = 0;
  for (std::string line; std::getline(text, line); ++count) EXPECT_NE(line.find(":/"), std::string::npos) << line;
  EXPECT_GE(count, 1);
}

TEST_F(ProcSelf, LimitsFile) {
  const std::string text = read_file("/proc/self/limits");
  EXPECT_NE(text.find("Max open files"), std::string::npos);
  EXPECT_NE(text.find("Max stack size"), std::string::npos);
}

TEST_F(ProcSelf, IsReadInSmallPieces) {
  const std::string whole = read_file("/proc/self/status");
  Descriptor file = open_file("/proc/self/status", O_RDONLY);
  std::string pieces;
  char buffer[7];
  for (ssize_t length; (length = read(file, buffer, sizeof buffer)) > 0;) pieces.append(buffer, length);
  EXPECT_EQ(pieces.substr(0, 40), whole.substr(0, 40));
  char again[8] = {};
  EXPECT_EQ(pread(file, again, 5, 0), 5);
  EXPECT_STREQ(again, "Name:");
}

// Copies inside the kernel count like reads and writes; what fails or is behind the end of a file does not always.
TEST_F(ProcSelf, CopiesCountInIo) {
  struct Counts {
    long wchar = 0, calls = 0;
  };
  const auto counts = [] {
    std::istringstream text(read_file("/proc/self/io"));
    std::map<std::string, long> values;
    std::string name;
    for (long value; text >> name >> value;) values[name] = value;
    return Counts{values["wchar:"], values["syscw:"]};
  };
  write_file("from", std::string(5000, 'x'));
  const Descriptor from = open_file("from", O_RDONLY);
  const Descriptor to = open_file("to", O_WRONLY | O_CREAT);
  Counts before = counts();
  const auto expect_counted = [&](long bytes, long calls) {
    const Counts now = counts();
    EXPECT_EQ(now.wchar - before.wchar, bytes);
    EXPECT_EQ(now.calls - before.calls, calls);
    before = now;
  };
  off_t offset = 0;
  EXPECT_EQ(sendfile(to, from, &offset, 3000), 3000);
  expect_counted(3000, 1);
  offset = 9999;
  EXPECT_EQ(sendfile(to, from, &offset, 10), 0);
  expect_counted(0, 1);
  EXPECT_ERRNO(EBADF, sendfile(from, to, nullptr, 10));
  expect_counted(0, 0);
  EXPECT_EQ(copy_file_range(from, nullptr, to, nullptr, 2000, 0), 2000);
  expect_counted(2000, 1);
  offset = 9999;
  EXPECT_EQ(copy_file_range(from, &offset, to, nullptr, 2000, 0), 0);
  expect_counted(0, 0);
}

TEST_F(ProcSelf, NothingCanBeMadeThere) {
  EXPECT_ERRNO(ENOENT, open("/proc/new", O_RDWR | O_CREAT, 0644));
  EXPECT_ERRNO(ENOENT, mkdir("/proc/new", 0755));
  const int result = unlink("/proc/uptime");
  EXPECT_TRUE(result == -1 && (errno == EPERM || errno == ENOENT)) << errno;
}

}  // namespace
}  // namespace cv6::guest
