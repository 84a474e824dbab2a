#include "marks.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <vector>

#include "cv6/container.hpp"

namespace cv6::calls {
namespace {

constexpr char folder[] = "/fuzz-mark", file[] = "/fuzz-mark/file";

std::string contents(const char* path) {
  std::string text;
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  char buffer[4096];
  for (ssize_t size; descriptor >= 0 && (size = read(descriptor, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(size));
  close(descriptor);
  return text;
}

void add_file(const std::string& path, std::string& text) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) return;
  char line[256];
  const bool device = S_ISCHR(status.st_mode);  // written to by whoever prints
  snprintf(line, sizeof line, " %o %u:%u size %ld links %lu changed %ld.%09ld\n", status.st_mode, status.st_uid, status.st_gid,
           status.st_size, status.st_nlink, device ? 0 : status.st_ctim.tv_sec, device ? 0 : status.st_ctim.tv_nsec);
  text += path + line;
  if (!S_ISDIR(status.st_mode) || path == "/proc" || path == "/dev/pts") return;
  DIR* directory = opendir(path.c_str());
  std::vector<std::string> names;
  while (const dirent* entry = directory ? readdir(directory) : nullptr) names.push_back(entry->d_name);
  closedir(directory);
  std::ranges::sort(names);
  for (const std::string& name : names)
    if (name != "." && name != "..") add_file((path == "/" ? path : path + "/") + name, text);
}

std::string containers() {
  std::string text = "containers:";
  ContainerStat stat;
  stat.which = ContainerStat::Which::next_after_id;
  while (stat_container(stat) == 0) text += ' ' + std::to_string(stat.id);
  return text + "\n";
}

void touch_locks(const std::string& name) {
  const int locked = open(name.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  flock(locked, LOCK_SH);
  close(locked);
}

}  // namespace

std::string host_marks() {
  utsname name{};
  uname(&name);
  std::string text;
  add_file("/", text);
  return text + "contents: " + contents(file) + "\nmounts: " + contents("/proc/mounts") + "name: " + name.nodename + ' ' +
         name.domainname + "\n" + containers();
}

long clock_offset() {
  timespec real{}, monotonic{};
  clock_gettime(CLOCK_REALTIME, &real);
  clock_gettime(CLOCK_MONOTONIC, &monotonic);
  return (real.tv_sec - monotonic.tv_sec) * 1000 + (real.tv_nsec - monotonic.tv_nsec) / 1'000'000;
}

std::string difference(const std::string& before, const std::string& after) {
  const auto [was, is] = std::ranges::mismatch(before, after);
  if (was == before.end() && is == after.end()) return "";
  const auto line = [](const std::string& text, std::size_t at) {
    const std::size_t start = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    return text.substr(start, text.find('\n', at) - start);
  };
  const auto at = static_cast<std::size_t>(was - before.begin());
  return "'" + line(before, at) + "' became '" + line(after, at) + "'";
}

void put_mark() {
  mkdir(folder, 0755);
  const int descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (write(descriptor, "the host's\n", 11) != 11) perror(file);
  close(descriptor);
  // What an inode remembers once it has been locked stays with it, and containers reach these.
  touch_locks(folder);
  touch_locks(file);
  DIR* devices = opendir("/dev");
  while (const dirent* entry = devices ? readdir(devices) : nullptr) touch_locks(std::string("/dev/") + entry->d_name);
  closedir(devices);
}

}  // namespace cv6::calls
