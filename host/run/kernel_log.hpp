// What the kernel's log says about why the machine ended.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cv6::host {

struct LastWords {
  std::string reason;               // one line, without the time
  std::vector<std::string> report;  // after a panic: what it was, where, and the stack
};

// A panic's report follows its mark to the end of the log. A kernel that cannot even start says why in the last line.
LastWords last_words(std::string_view log);

}  // namespace cv6::host
