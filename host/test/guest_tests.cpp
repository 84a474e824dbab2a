#include "test/guest_tests.hpp"

#include <algorithm>
#include <array>

#include "common/process.hpp"

namespace cv6::host {
namespace {

constexpr std::chrono::seconds list_limit{100};
constexpr std::chrono::seconds more_for_machine{40};  // without a word, after a test's limit: the whole machine hangs
constexpr std::size_t most_names = 200;               // in one command line

// The tests that the filter selects, from --gtest_list_tests: suites begin a line and end with a dot, tests are
// indented, and `#` begins a comment.
std::vector<std::string> list_tests(const GuestRun& run) {
  std::vector<std::string> command = {run.program, "--gtest_list_tests"};
  if (!run.filter.empty()) command.push_back("--gtest_filter=" + run.filter);
  std::vector<std::string> names;
  std::string suite;
  (void)run_process(command, list_limit, [&](std::string_view line) {
    line = line.substr(0, line.find("  #"));
    if (line.starts_with("  ")) {
      names.push_back(suite + std::string(line.substr(2)));
    } else if (line.ends_with('.')) {
      suite = line;
    }
  });
  std::erase_if(names, [](const std::string& name) { return name.contains("DISABLED_"); });
  return names;
}

// Reads what `--isolate` prints: what a test says, then a line of its verdict and its name.
class VerdictReader {
 public:
  VerdictReader(std::vector<std::string>& waiting, Tally& tally) : waiting_(waiting), tally_(tally) {}

  void line(std::string_view text) {
    constexpr std::array verdicts = {"ok ", "skipped ", "FAILED", "HUNG", "CRASHED"};
    const std::string_view name = text.substr(text.rfind(' ') + 1);
    const bool known = std::ranges::any_of(verdicts, [&](const char* start) { return text.starts_with(start); });
    const auto test = known ? std::ranges::find(waiting_, name) : waiting_.end();
    if (test == waiting_.end()) {
      output_ += text;
      output_ += '\n';
      return;
    }
    waiting_.erase(test);
    if (text.starts_with("ok ")) return finish(name, Verdict::passed);
    if (text.starts_with("skipped ")) return finish(name, Verdict::skipped);
    output_ += text;
    finish(name, Verdict::failed);
  }

  // What has been written since the last verdict.
  [[nodiscard]] const std::string& output() const { return output_; }

 private:
  void finish(std::string_view name, Verdict verdict) {
    tally_.count(name, verdict, output_);
    output_.clear();
  }

  std::vector<std::string>& waiting_;
  Tally& tally_;
  std::string output_;
};

std::string filter_of(const std::vector<std::string>& names) {
  std::string filter = "--gtest_filter=";
  for (const std::string& name : names) filter += (filter.ends_with('=') ? "" : ":") + name;
  return filter;
}

}  // namespace

void run_guest_tests(const GuestRun& run, Tally& tally) {
  tally.begin(run.title);
  std::vector<std::string> all = list_tests(run);
  if (all.empty() && run.filter.empty()) tally.count("(the list of tests)", Verdict::failed, run.program);
  while (!all.empty()) {
    std::vector<std::string> waiting(all.begin(),
                                     all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), most_names)));
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(waiting.size()));
    while (!waiting.empty()) {
      std::vector<std::string> command = run.prefix;
      command.push_back(std::format("--isolate={}", run.test_limit.count()));
      command.push_back(filter_of(waiting));
      VerdictReader reader(waiting, tally);
      const Outcome<ProcessEnd> end =
          run_process(command, run.test_limit + more_for_machine, [&](std::string_view line) { reader.line(line); });
      if (waiting.empty()) break;
      // It ended early: the first test without a verdict is the one it was at.
      const std::string culprit = waiting.front();
      waiting.erase(waiting.begin());
      tally.count(culprit, Verdict::failed, reader.output() + (end ? describe(*end) : end.error().text));
    }
  }
  tally.end();
}

}  // namespace cv6::host
