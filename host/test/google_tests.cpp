#include "test/google_tests.hpp"

#include <sys/wait.h>

#include "common/process.hpp"

namespace cv6::host {
namespace {

constexpr std::chrono::seconds patience{180};

// Follows GoogleTest's output: "[ RUN      ] Suite.Test", then what the test writes, then "[       OK ] Suite.Test
// (3 ms)" or its like.
class OutputReader {
 public:
  explicit OutputReader(Tally& tally) : tally_(tally) {}

  void line(std::string_view text) {
    constexpr std::string_view run = "[ RUN      ] ";
    if (text.starts_with(run)) {
      running_ = text.substr(run.size());
      output_.clear();
      found_ = true;
      return;
    }
    if (text.starts_with("[==========] Running 0 tests")) found_ = true;
    if (!running_.empty()) {
      if (is_verdict(text, "[       OK ] ")) return finish(Verdict::passed);
      if (is_verdict(text, "[  FAILED  ] ")) return finish(Verdict::failed);
      if (is_verdict(text, "[  SKIPPED ] ")) return finish(Verdict::skipped);
    }
    output_ += text;
    output_ += '\n';
  }

  void end(const Outcome<ProcessEnd>& ended) {
    const std::string reason = ended ? describe(*ended) : ended.error().text;
    const bool good = ended && !ended->silent && WIFEXITED(ended->status) && WEXITSTATUS(ended->status) == 0;
    if (!running_.empty()) {
      output_ += reason;
      finish(Verdict::failed);
    } else if (!found_) {
      tally_.count("(the whole program)", good ? Verdict::passed : Verdict::failed, output_ + reason);
    } else if (!good && !any_failed_) {
      tally_.count("(after the last test)", Verdict::failed, output_ + reason);
    }
  }

 private:
  bool is_verdict(std::string_view text, std::string_view mark) const {
    return text.starts_with(mark) && text.substr(mark.size()).starts_with(running_);
  }

  void finish(Verdict verdict) {
    any_failed_ |= verdict == Verdict::failed;
    tally_.count(running_, verdict, output_);
    running_.clear();
    output_.clear();
  }

  Tally& tally_;
  std::string running_;  // empty between tests
  std::string output_;
  bool found_ = false;
  bool any_failed_ = false;
};

}  // namespace

void run_google_tests(const std::string& title, const std::vector<std::string>& command, Tally& tally) {
  tally.begin(title);
  OutputReader reader(tally);
  reader.end(run_process(command, patience, [&](std::string_view line) { reader.line(line); }));
  tally.end();
}

}  // namespace cv6::host
