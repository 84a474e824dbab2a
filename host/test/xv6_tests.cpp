#include "test/xv6_tests.hpp"

#include <filesystem>
#include <format>

#include "common/process.hpp"

namespace cv6::host {
namespace {

constexpr std::chrono::seconds silence_limit{100};
constexpr std::string_view last_line = "tests have ended";

std::string command_line(const GuestRun& run, Xv6Place place) {
  std::string line = place == Xv6Place::host ? "cd /tmp && /xv6/" : "box run --rm --abi xv6 ";
  line += std::filesystem::path(run.program).filename().string();
  for (std::size_t at = 0; at < run.filter.size();) {
    const std::size_t end = std::min(run.filter.find(':', at), run.filter.size());
    line += std::format(" '{}'", run.filter.substr(at, end - at));
    at = end + 1;
  }
  return line;
}

}  // namespace

void run_xv6_tests(const GuestRun& run, Xv6Place place, Tally& tally) {
  tally.begin(run.title);
  std::vector<std::string> command = run.prefix;
  command.push_back(command_line(run, place));
  std::string output;
  bool complete = false;
  const Outcome<ProcessEnd> end = run_process(command, silence_limit, [&](std::string_view line) {
    const bool passed = line.starts_with("ok "), failed = line.starts_with("FAILED ");
    complete = complete || line == last_line;
    if (!passed && !failed) {
      output += std::format("{}\n", line);
      return;
    }
    tally.count(line.substr(line.find(' ') + 1), passed ? Verdict::passed : Verdict::failed, output);
    output.clear();
  });
  if (!complete) tally.count("(the program)", Verdict::failed, output + (end ? describe(*end) : end.error().text));
  tally.end();
}

}  // namespace cv6::host
