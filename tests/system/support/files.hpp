// A folder of its own for each test that needs files on the host.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "common/files.hpp"

namespace cv6::test {

class FilesTest : public testing::Test {
 protected:
  void SetUp() override;

  [[nodiscard]] std::string path(const std::string& name) const { return scratch_->path() / name; }
  // Makes the folders above it as well.
  std::string make_file(const std::string& name, const std::string& text, unsigned mode = 0644) const;
  [[nodiscard]] std::string text_of(const std::string& name) const;

 private:
  std::optional<host::ScratchFolder> scratch_;
};

}  // namespace cv6::test
