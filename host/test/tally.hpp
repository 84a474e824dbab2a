// Counts tests, shows how it goes, and keeps what to say about those that failed.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace cv6::host {

enum class Verdict { passed, failed, skipped };

// Tests that are known to fail are listed in tests/known-failures.txt with the reason. They run like all others; when
// they fail they are shown as known failures and do not fail the run.
class Tally {
 public:
  Tally();
  // A program's tests follow. `title` says which, and where they run.
  void begin(std::string title);
  // `output` is what the test wrote; it is shown if the test failed.
  void count(std::string_view test, Verdict verdict, std::string_view output = {});
  // The program's tests are over: prints a line about them.
  void end();

  [[nodiscard]] int failed() const { return failed_; }
  // The last line of all: `N passed, N failed`, after a list of the failures.
  void summarize() const;

 private:
  void show_progress(std::string_view test) const;
  [[nodiscard]] bool is_known_to_fail(std::string_view test) const;

  std::string title_;
  std::chrono::steady_clock::time_point began_;
  int passed_ = 0, failed_ = 0, skipped_ = 0;
  int passed_before_ = 0, failed_before_ = 0, skipped_before_ = 0;
  std::vector<std::string> failures_, known_failures_;
  std::vector<std::string> known_to_fail_;  // names; a `*` at the end stands for anything
};

}  // namespace cv6::host
