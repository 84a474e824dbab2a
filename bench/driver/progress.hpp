// What the driver is doing, in one line of the terminal that is rewritten in place; nothing where standard error is not
// a terminal.
#pragma once

#include <string_view>

namespace cv6::bench {

class Progress {
 public:
  Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  void show(std::string_view system, std::string_view activity);
  void clear();

 private:
  bool terminal_;
};

}  // namespace cv6::bench
