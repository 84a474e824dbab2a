// The files of /proc that are about the system, and its directories sys/ and cv6/.
#pragma once

#include "fs/synthetic.hpp"

namespace cv6::proc {

// At boot: adds them to the root. Error::nomem.
Result<void> add_system_files(SyntheticDirectory& root);  // meminfo, stat, cpuinfo, ...
Result<void> add_sys_directory(SyntheticDirectory& root);
Result<void> add_cv6_directory(SyntheticDirectory& root);

struct TextFileEntry {
  std::string_view name;
  Generate generate;
  Mode mode = 0444;
  Store store = nullptr;
};
Result<void> add_text_files(SyntheticDirectory& directory, std::span<const TextFileEntry> entries);

}  // namespace cv6::proc
