#include "test/tally.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <print>

namespace cv6::host {
namespace {

constexpr std::size_t most_output = 16384;  // of one failed test, its end

const bool terminal = ::isatty(1) == 1;

void clear_progress() {
  if (terminal) std::print("\r\033[K");
}

}  // namespace

Tally::Tally() {
  const char* root = std::getenv("CV6_ROOT");
  std::ifstream file(std::string(root ? root : ".") + "/tests/known-failures.txt");
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && !line.starts_with('#')) known_to_fail_.push_back(line.substr(0, line.find(' ')));
}

bool Tally::is_known_to_fail(std::string_view test) const {
  for (const std::string_view known : known_to_fail_)
    if (known.ends_with('*') ? test.starts_with(known.substr(0, known.size() - 1)) : test == known) return true;
  return false;
}

void Tally::begin(std::string title) {
  title_ = std::move(title);
  began_ = std::chrono::steady_clock::now();
  passed_before_ = passed_;
  failed_before_ = failed_;
  skipped_before_ = skipped_;
  show_progress("");
}

void Tally::count(std::string_view test, Verdict verdict, std::string_view output) {
  switch (verdict) {
    case Verdict::passed:
      ++passed_;
      break;
    case Verdict::skipped:
      ++skipped_;
      break;
    case Verdict::failed: {
      if (is_known_to_fail(test)) {
        ++skipped_;
        known_failures_.push_back(std::format("{}: {}", title_, test));
        break;
      }
      ++failed_;
      failures_.push_back(std::format("{}: {}", title_, test));
      clear_progress();
      if (output.size() > most_output) output.remove_prefix(output.size() - most_output);
      std::println("FAILED {}\n{}", failures_.back(), output);
    }
  }
  show_progress(test);
}

void Tally::end() {
  clear_progress();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began_);
  const int skipped = skipped_ - skipped_before_;
  std::println("{:<48} {:>5} passed, {} failed{} ({:.1f} s)", title_, passed_ - passed_before_,
               failed_ - failed_before_, skipped ? std::format(", {} skipped", skipped) : "",
               static_cast<double>(took.count()) / 1000);
  std::fflush(stdout);
}

void Tally::show_progress(std::string_view test) const {
  if (!terminal) return;
  std::print("\r\033[K{}: {} passed, {} failed  {:.40}", title_, passed_ - passed_before_, failed_ - failed_before_,
             test);
  std::fflush(stdout);
}

void Tally::summarize() const {
  if (!failures_.empty()) std::println("\nFailed:");
  for (const std::string& failure : failures_) std::println("  {}", failure);
  if (!known_failures_.empty()) std::println("\nFailed as known (tests/known-failures.txt):");
  for (const std::string& failure : known_failures_) std::println("  {}", failure);
  std::println("{} passed, {} failed", passed_, failed_);
}

}  // namespace cv6::host
