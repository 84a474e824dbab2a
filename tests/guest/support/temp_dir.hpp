#pragma once
// A directory of its own for each test, in $TMPDIR or /tmp, and the current directory while the test runs.

#include <string>
#include <string_view>

#include "support/check.hpp"

namespace cv6::guest {

// The fixture of tests that use files: they start in a new empty directory with umask 022; all of it is removed
// afterwards.
class TempDir : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // The absolute path of the directory, or of a name in it.
  const std::string& path() const { return path_; }
  std::string path(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
  int before_ = -1;
};

// Creates or overwrites a file with these bytes; read_file returns them ("" if it cannot be opened).
void write_file(const std::string& path, std::string_view bytes, int mode = 0644);
std::string read_file(const std::string& path);
bool exists(const std::string& path);

// Removes a file or a whole tree; links are not followed.
void remove_tree(const std::string& path);

}  // namespace cv6::guest
