// docs/tour.md, typed: every command prints what the page says.
#include <gtest/gtest.h>

#include <sstream>

#include "common/files.hpp"
#include "support/console.hpp"

namespace cv6::test {
namespace {

struct Step {
  std::string command, output;
};

std::vector<Step> steps_of(const std::string& page) {
  constexpr std::string_view prompt = "cv6# ";
  std::vector<Step> steps;
  std::istringstream lines(page);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```"))
      inside = line == "```console";
    else if (inside && line.starts_with(prompt))
      steps.push_back({line.substr(prompt.size()), ""});
    else if (inside)
      steps.back().output += line + "\n";
  }
  return steps;
}

TEST(Tour, PrintsWhatThePageSays) {
  const std::vector<Step> steps = steps_of(host::read_text(source_folder() + "/docs/tour.md").value_or(""));
  ASSERT_GT(steps.size(), 10u);
  Guest guest({"--cpus", "2"});
  guest.resize(200, 50);
  for (const Step& step : steps) EXPECT_EQ(guest.command(step.command), step.output) << step.command;
}

}  // namespace
}  // namespace cv6::test
