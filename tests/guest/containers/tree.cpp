#include "containers/tree.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

namespace cv6::guest {

void ContainerTree::SetUp() {
  ContainersAndFiles::SetUp();
  make_small_tree();
}

void make_small_tree() {
  write_file("file", "original");
  write_file("other", "other");
  ASSERT_OK(mkdir("directory", 0755));
  write_file("directory/inner", "inner");
  ASSERT_OK(mkdir("empty", 0755));
  ASSERT_OK(symlink("file", "symlink"));
  ASSERT_OK(link("other", "hard"));
}

std::set<std::string> names_in(const std::string& path) {
  std::set<std::string> names;
  DIR* directory = opendir(path.c_str());
  EXPECT_NE(directory, nullptr) << path << ": " << strerror(errno);
  if (!directory) return names;
  while (const dirent* entry = readdir(directory)) {
    EXPECT_TRUE(names.insert(entry->d_name).second) << entry->d_name << " is there twice";
  }
  closedir(directory);
  names.erase(".");
  names.erase("..");
  return names;
}

void describe(const std::string& path, std::string& text) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) return;
  char line[300];
  snprintf(line, sizeof line, "%s %o %u:%u %ld n%lu i%lu m%ld.%ld c%ld.%ld ", path.c_str(), status.st_mode,
           status.st_uid, status.st_gid, S_ISDIR(status.st_mode) ? 0 : (long)status.st_size, status.st_nlink,
           status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
  text += line;
  if (S_ISREG(status.st_mode)) text += std::to_string(std::hash<std::string>()(read_file(path)));
  char target[256] = {};
  if (S_ISLNK(status.st_mode) && readlink(path.c_str(), target, sizeof target - 1) > 0) text += target;
  text += "\n";
  if (!S_ISDIR(status.st_mode)) return;
  for (const std::string& name : names_in(path)) describe(path + "/" + name, text);
}
std::string description() {
  std::string text;
  describe(".", text);
  return text;
}

}  // namespace cv6::guest
