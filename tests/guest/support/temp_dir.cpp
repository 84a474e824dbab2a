#include "support/temp_dir.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

namespace cv6::guest {

void TempDir::SetUp() {
  const char* parent = getenv("TMPDIR");
  std::string name = std::string(parent && *parent ? parent : "/tmp") + "/guest-XXXXXX";
  ASSERT_NE(mkdtemp(name.data()), nullptr) << name << ": " << strerror(errno);
  char resolved[4096];
  ASSERT_NE(realpath(name.c_str(), resolved), nullptr);
  path_ = resolved;
  ASSERT_OK(chmod(path_.c_str(), 0755));
  before_ = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  ASSERT_OK(chdir(path_.c_str()));
  umask(022);
}

void TempDir::TearDown() {
  if (before_ != -1) {
    fchdir(before_);
    close(before_);
  }
  if (!path_.empty()) remove_tree(path_);
}

void write_file(const std::string& path, std::string_view bytes, int mode) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  ASSERT_OK(fd) << path;
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    ASSERT_OK(written);
    bytes.remove_prefix(written);
  }
  ASSERT_OK(close(fd));
}

std::string read_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd == -1) return "";
  std::string bytes;
  char buffer[4096];
  for (ssize_t length; (length = read(fd, buffer, sizeof buffer)) > 0;) bytes.append(buffer, length);
  close(fd);
  return bytes;
}

bool exists(const std::string& path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0;
}

void remove_tree(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return;
  DIR* directory = opendir(path.c_str());
  if (!directory) return;
  std::vector<std::string> names;
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(directory);
  for (const auto& name : names) remove_tree(path + "/" + name);
  rmdir(path.c_str());
}

}  // namespace cv6::guest
