// What tells about the system: files of /proc, uname, sysinfo, host name, syslog, getrandom.

#include <fcntl.h>
#include <sched.h>
#include <sys/klog.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <set>
#include <sstream>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  std::istringstream text(read_file(path));
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

TEST(ProcSystem, Meminfo) {
  std::map<std::string, long> values;
  for (const auto& line : lines_of("/proc/meminfo")) {
    const auto colon = line.find(':');
    ASSERT_NE(colon, std::string::npos) << line;
    values[line.substr(0, colon)] = atol(line.c_str() + colon + 1);
  }
  for (const char* name : {"MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapTotal", "SwapFree"}) {
    EXPECT_TRUE(values.contains(name)) << name;
  }
  EXPECT_GT(values["MemTotal"], 1000);
  EXPECT_GT(values["MemFree"], 0);
  EXPECT_LE(values["MemFree"], values["MemTotal"]);
}

TEST(ProcSystem, StatOfTheProcessors) {
  const auto lines = lines_of("/proc/stat");
  ASSERT_GT(lines.size(), 4u);
  EXPECT_EQ(lines[0].substr(0, 5), "cpu  ");
  EXPECT_EQ(lines[1].substr(0, 5), "cpu0 ");
  std::istringstream first(lines[0].substr(5));
  long value = 0;
  int fields = 0;
  while (first >> value) {
    EXPECT_GE(value, 0);
    ++fields;
  }
  EXPECT_GE(fields, 7);
  const auto has = [&](const std::string& prefix) {
    return std::any_of(lines.begin(), lines.end(), [&](const auto& line) { return line.starts_with(prefix); });
  };
  EXPECT_TRUE(has("btime "));
  EXPECT_TRUE(has("processes "));
  EXPECT_TRUE(has("ctxt "));
  EXPECT_TRUE(has("procs_running "));
}

TEST(ProcSystem, Cpuinfo) {
  const auto lines = lines_of("/proc/cpuinfo");
  const auto processors =
      std::count_if(lines.begin(), lines.end(), [](const auto& line) { return line.starts_with("processor\t: "); });
  EXPECT_EQ(processors, sysconf(_SC_NPROCESSORS_ONLN));
  const auto flags =
      std::find_if(lines.begin(), lines.end(), [](const auto& line) { return line.starts_with("flags"); });
  ASSERT_NE(flags, lines.end());
  EXPECT_NE(flags->find(" sse2"), std::string::npos);
  EXPECT_TRUE(
      std::any_of(lines.begin(), lines.end(), [](const auto& line) { return line.starts_with("model name\t: "); }));
}

TEST(ProcSystem, UptimeMatchesTheClock) {
  timespec before{}, after{};
  clock_gettime(CLOCK_BOOTTIME, &before);
  std::istringstream text(read_file("/proc/uptime"));
  clock_gettime(CLOCK_BOOTTIME, &after);
  double up = -1, idle = -1;
  text >> up >> idle;
  EXPECT_GE(up, before.tv_sec - 1.0);
  EXPECT_LE(up, after.tv_sec + 1.0);
  EXPECT_GE(idle, 0);
}

TEST(ProcSystem, Loadavg) {
  double one = -1, five = -1, fifteen = -1;
  int running = -1, all = -1, last = -1;
  const std::string text = read_file("/proc/loadavg");
  EXPECT_EQ(sscanf(text.c_str(), "%lf %lf %lf %d/%d %d", &one, &five, &fifteen, &running, &all, &last), 6) << text;
  EXPECT_GE(one, 0);
  EXPECT_GE(running, 1);
  EXPECT_GE(all, running);
  EXPECT_GT(last, 0);
}

TEST(ProcSystem, Filesystems) {
  const std::string text = read_file("/proc/filesystems");
  EXPECT_NE(text.find("nodev\tproc\n"), std::string::npos);
  EXPECT_NE(text.find("nodev\ttmpfs\n"), std::string::npos);
}

TEST(ProcSystem, Mounts) {
  bool root = false, proc = false;
  for (const auto& line : lines_of("/proc/mounts")) {
    std::istringstream fields(line);
    std::string device, place, type, options;
    int dump = -1, pass = -1;
    fields >> device >> place >> type >> options >> dump >> pass;
    EXPECT_GE(pass, 0) << line;
    if (place == "/") root = true;
    if (place == "/proc") proc = type == "proc";
  }
  EXPECT_TRUE(root);
  EXPECT_TRUE(proc);
  EXPECT_EQ(read_file("/proc/mounts"), read_file("/proc/self/mounts"));
}

TEST(ProcSystem, KernelNames) {
  utsname names{};
  ASSERT_OK(uname(&names));
  EXPECT_EQ(read_file("/proc/sys/kernel/hostname"), std::string(names.nodename) + "\n");
  EXPECT_EQ(read_file("/proc/sys/kernel/osrelease"), std::string(names.release) + "\n");
  EXPECT_EQ(read_file("/proc/sys/kernel/ostype"), "Linux\n");
  EXPECT_EQ(read_file("/proc/version").substr(0, 14), "Linux version ");
}

TEST(ProcSystem, RandomFiles) {
  const std::string first = read_file("/proc/sys/kernel/random/uuid");
  const std::string second = read_file("/proc/sys/kernel/random/uuid");
  EXPECT_EQ(first.size(), 37u);
  EXPECT_NE(first, second);
  EXPECT_EQ(first[14], '4');  // version 4, random
  const std::string boot = read_file("/proc/sys/kernel/random/boot_id");
  EXPECT_EQ(boot.size(), 37u);
  EXPECT_EQ(boot, read_file("/proc/sys/kernel/random/boot_id"));
}

TEST(Uname, IsLinuxOnX86) {
  utsname names{};
  ASSERT_OK(uname(&names));
  EXPECT_STREQ(names.sysname, "Linux");
  EXPECT_STREQ(names.machine, "x86_64");
  EXPECT_GE(atoi(names.release), 4);
  EXPECT_NE(names.version[0], 0);
  EXPECT_ERRNO(EFAULT, syscall(SYS_uname, wild()));
}

TEST(Uname, HostNameCanBeSet) {
  EXPECT_CHILD({
    unshare(CLONE_NEWUTS);  // spares the developer's machine; where there are no such namespaces the name is put back
    char before[65] = {};
    ASSERT_OK(gethostname(before, sizeof before));
    ASSERT_OK(sethostname("guest-test", 10));
    utsname names{};
    EXPECT_OK(uname(&names));
    EXPECT_EQ(read_file("/proc/sys/kernel/hostname"), "guest-test\n");
    ASSERT_OK(sethostname(before, strlen(before)));
    EXPECT_STREQ(names.nodename, "guest-test");
    EXPECT_ERRNO(EINVAL, sethostname(before, 65));
    EXPECT_ERRNO(EINVAL, sethostname(before, -1));
    EXPECT_ERRNO(EFAULT, syscall(SYS_sethostname, wild(), 5));
    ASSERT_OK(setresuid(1000, 1000, 1000));
    EXPECT_ERRNO(EPERM, sethostname("x", 1));
    EXPECT_ERRNO(EPERM, setdomainname("x", 1));
  });
}

TEST(Sysinfo, Numbers) {
  struct sysinfo info{};
  ASSERT_OK(sysinfo(&info));
  EXPECT_GE(info.uptime, 0);
  EXPECT_GT(info.totalram, 0u);
  EXPECT_LE(info.freeram, info.totalram);
  EXPECT_GE(info.procs, 1);
  EXPECT_GE(info.mem_unit, 1u);
  EXPECT_ERRNO(EFAULT, syscall(SYS_sysinfo, wild()));
}

TEST(Syslog, SizesAndErrors) {
  EXPECT_GT(klogctl(10, nullptr, 0), 0);  // SYSLOG_ACTION_SIZE_BUFFER
  EXPECT_GE(klogctl(9, nullptr, 0), 0);   // SYSLOG_ACTION_SIZE_UNREAD
  EXPECT_ERRNO(EINVAL, klogctl(99, nullptr, 0));
  EXPECT_ERRNO(EINVAL, klogctl(3, nullptr, 10));
  std::string text(1 << 16, 0);
  EXPECT_GE(klogctl(3, text.data(), text.size()), 0);
}

TEST(Getrandom, FillsAndDiffers) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    char bytes[16] = {};
    ASSERT_EQ(getrandom(bytes, sizeof bytes, 0), (ssize_t)sizeof bytes);
    EXPECT_TRUE(seen.emplace(bytes, sizeof bytes).second);
  }
  std::string large(100'000, 0);
  EXPECT_EQ(getrandom(large.data(), large.size(), 0), (ssize_t)large.size());
  EXPECT_LT(std::count(large.begin(), large.end(), 0), 1000);
  EXPECT_EQ(getrandom(large.data(), 10, GRND_NONBLOCK), 10);
  EXPECT_EQ(getrandom(large.data(), 10, GRND_RANDOM), 10);
  EXPECT_EQ(getrandom(large.data(), 0, 0), 0);
  EXPECT_ERRNO(EINVAL, getrandom(large.data(), 10, 0x100));
  EXPECT_ERRNO(EFAULT, syscall(SYS_getrandom, wild(), 10, 0));
}

TEST(Unknown, CallsAreEnosys) {
  EXPECT_ERRNO(ENOSYS, syscall(1000));
  EXPECT_ERRNO(ENOSYS, syscall(0x7fffffff));
  EXPECT_ERRNO(ENOSYS, syscall(-1L));
  EXPECT_ERRNO(ENOSYS, syscall(SYS_rseq + 1'000'000));
}

}  // namespace
}  // namespace cv6::guest
