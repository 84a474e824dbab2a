// What is undone on the terminal when the machine ends in the midst of a full-screen program.
#include "run/terminal.hpp"

#include <gtest/gtest.h>

namespace cv6::host {
namespace {

constexpr std::string_view leave = "\033[?1049l";

TEST(ScreenState, PlainOutputNeedsNoOtherScreen) {
  ScreenState screen;
  screen.follow("hello\033[1mbold\033[?25l");
  EXPECT_FALSE(screen.undo().starts_with(leave));
}

TEST(ScreenState, FollowsTheAlternateScreenThroughAnySplit) {
  constexpr std::string_view enter = "x\033\033[?1049h";
  for (std::size_t split = 0; split <= enter.size(); ++split) {
    ScreenState screen;
    screen.follow(enter.substr(0, split));
    screen.follow(enter.substr(split));
    EXPECT_TRUE(screen.undo().starts_with(leave)) << split;
    screen.follow(leave);
    EXPECT_FALSE(screen.undo().starts_with(leave)) << split;
  }
}

}  // namespace
}  // namespace cv6::host
