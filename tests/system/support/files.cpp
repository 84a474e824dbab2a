#include "support/files.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace cv6::test {

void FilesTest::SetUp() {
  auto scratch = host::ScratchFolder::create();
  ASSERT_TRUE(scratch) << scratch.error().text;
  scratch_.emplace(std::move(*scratch));
}

std::string FilesTest::make_file(const std::string& name, const std::string& text, unsigned mode) const {
  const std::string full = path(name);
  std::filesystem::create_directories(std::filesystem::path(full).parent_path());
  std::ofstream(full, std::ios::binary) << text;
  ::chmod(full.c_str(), mode);
  return full;
}

std::string FilesTest::text_of(const std::string& name) const {
  return host::read_text(path(name)).value_or("(cannot be read)");
}

}  // namespace cv6::test
