// The first line of a script, against the rules of execve(2).
#include "task/script.hpp"

#include <gtest/gtest.h>

#include <string>

namespace cv6 {
namespace {

void expect_line(std::string_view head, std::string_view interpreter, std::string_view argument) {
  const auto line = parse_script(head);
  ASSERT_TRUE(line) << head;
  EXPECT_EQ(line->interpreter, interpreter);
  EXPECT_EQ(line->argument, argument);
}

TEST(Script, InterpreterAndArgument) {
  expect_line("#!/bin/sh\necho", "/bin/sh", "");
  expect_line("#! /bin/sh\n", "/bin/sh", "");
  expect_line("#!\t /usr/bin/env  python3 -u \t\nrest", "/usr/bin/env", "python3 -u");
  expect_line("#!/bin/sh -e", "/bin/sh", "-e");  // the file ends without a newline
  expect_line("#!/bin/sh", "/bin/sh", "");
}

TEST(Script, Refused) {
  EXPECT_FALSE(parse_script(""));
  EXPECT_FALSE(parse_script("#"));
  EXPECT_FALSE(parse_script("#!"));
  EXPECT_FALSE(parse_script("#!\n/bin/sh\n"));
  EXPECT_FALSE(parse_script("#!  \t\n"));
  EXPECT_FALSE(parse_script("echo hello\n"));
  EXPECT_FALSE(parse_script(std::string_view("#!\0/bin/sh\n", 11)));
}

TEST(Script, ANameThatIsCutOffIsRefusedAnArgumentIsCut) {
  const std::string name = "#!/" + std::string(300, 'a');
  EXPECT_FALSE(parse_script(std::string_view(name).substr(0, program_head_size)));
  const std::string argument = "#!/bin/sh " + std::string(300, 'b');
  const auto line = parse_script(std::string_view(argument).substr(0, program_head_size));
  ASSERT_TRUE(line);
  EXPECT_EQ(line->interpreter, "/bin/sh");
  EXPECT_EQ(line->argument.size(), program_head_size - 10);
  // A blank as the last byte ends the name.
  const std::string full = "#!/" + std::string(program_head_size - 4, 'a') + " ";
  EXPECT_TRUE(parse_script(full));
}

}  // namespace
}  // namespace cv6
