#pragma once
// A small tree of files for tests of copy on write, and all that can be seen of one.

#include <set>

#include "support/container.hpp"

namespace cv6::guest {

// Its tests start in a directory with files, directories, a symbolic and a hard link.
class ContainerTree : public ContainersAndFiles {
 protected:
  void SetUp() override;
};

// The names in a directory but `.` and `..`; one that is listed twice is a failure of the test.
std::set<std::string> names_in(const std::string& path);
// Type, mode, owner, size, times, links and contents of `path` and of all below it, a line for each.
void describe(const std::string& path, std::string& text);
std::string description();  // of the current directory
void make_small_tree();

}  // namespace cv6::guest
