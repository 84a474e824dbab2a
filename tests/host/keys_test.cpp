// The keys of the console that are the runner's own.
#include <gtest/gtest.h>

#include "run/console.hpp"

namespace cv6::host {
namespace {

std::string passed_on(KeyFilter& keys, std::string_view typed) {
  std::string bytes;
  while (!typed.empty()) bytes += keys.filter(typed).bytes;
  return bytes;
}

TEST(Keys, PassOnEverythingElse) {
  KeyFilter keys;
  const std::string typed("ls -l\r\003\032\033[A\0\377", 13);
  EXPECT_EQ(passed_on(keys, typed), typed);
}

TEST(Keys, PrefixTwiceIsTheKeyOnce) {
  KeyFilter keys;
  EXPECT_EQ(passed_on(keys, "a\001\001b"), "a\001b");
}

TEST(Keys, UnknownKeyAfterPrefixGoesToTheGuestWithIt) {
  KeyFilter keys;
  EXPECT_EQ(passed_on(keys, "\001e"), "\001e");
}

TEST(Keys, LeaveIsSeenAcrossTwoReads) {
  KeyFilter keys;
  std::string_view first = "abc\001";
  EXPECT_EQ(keys.filter(first).bytes, "abc");
  std::string_view second = "xyz";
  const KeyFilter::Result result = keys.filter(second);
  EXPECT_EQ(result.action, KeyFilter::Action::leave);
  EXPECT_EQ(second, "yz");
}

TEST(Keys, HelpGoesOnAfterwards) {
  KeyFilter keys;
  std::string_view typed = "a\001hb";
  KeyFilter::Result result = keys.filter(typed);
  EXPECT_EQ(result.action, KeyFilter::Action::help);
  EXPECT_EQ(result.bytes, "a");
  result = keys.filter(typed);
  EXPECT_EQ(result.bytes, "b");
}

}  // namespace
}  // namespace cv6::host
