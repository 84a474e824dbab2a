#include "test/call_fuzzer.hpp"

#include <sys/wait.h>

#include <deque>
#include <format>
#include <print>

#include "common/process.hpp"

namespace cv6::host {
namespace {

constexpr std::chrono::seconds silence_limit{60};  // a round lasts less than one second; what follows it some more at most
constexpr std::size_t most_lines = 48;             // the last ones are shown: a panic fits in

}  // namespace

void run_call_fuzzer(const CallFuzzing& run, Tally& tally) {
  tally.begin(run.title);
  std::vector<std::string> command = run.command;
  for (const std::string& word : {std::string("--seed"), std::to_string(run.seed), std::string("--seconds"),
                                  std::to_string(run.seconds)})
    command.push_back(word);
  std::deque<std::string> lines;
  const Outcome<ProcessEnd> end = run_process(command, silence_limit, [&](std::string_view line) {
    if (!lines.empty() && lines.back().starts_with("round ") && line.starts_with("round ")) lines.pop_back();
    lines.emplace_back(line);
    if (lines.size() > most_lines) lines.pop_front();
  });
  const bool good = end && !end->silent && WIFEXITED(end->status) && WEXITSTATUS(end->status) == 0;
  std::string output;
  for (const std::string& line : lines) output += line + "\n";
  if (!good) output += std::format("seed {}: {}\n", run.seed, end ? describe(*end) : end.error().text);
  tally.count(std::format("SystemCalls.Seed{}", run.seed), good ? Verdict::passed : Verdict::failed, output);
  tally.end();
  if (good && !lines.empty()) std::println("  {}", lines.back());
}

}  // namespace cv6::host
