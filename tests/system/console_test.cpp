// The console, typed at as a person does.
#include "support/console.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>

#include "support/files.hpp"

namespace cv6::test {
namespace {

constexpr char ctrl_a[] = "\001";
constexpr char ctrl_c[] = "\003";
constexpr char ctrl_d[] = "\004";
constexpr char ctrl_z[] = "\032";
constexpr char key_up[] = "\033[A";

bool same(const termios& one, const termios& other) {
  return one.c_iflag == other.c_iflag && one.c_oflag == other.c_oflag && one.c_cflag == other.c_cflag &&
         one.c_lflag == other.c_lflag && std::memcmp(one.c_cc, other.c_cc, sizeof one.c_cc) == 0;
}

// What Ctrl-A x, Ctrl-D, `exit` and `poweroff` have in common.
void expect_clean_end(const std::string& keys) {
  Guest guest;
  const termios during = guest.settings();
  EXPECT_FALSE(during.c_lflag & ECHO);
  guest.type(keys);
  EXPECT_EQ(guest.wait_end(), 0) << guest.rest();
  const termios after = guest.settings();
  EXPECT_TRUE(after.c_lflag & ECHO);
  EXPECT_TRUE(after.c_lflag & ICANON);
  EXPECT_TRUE(after.c_oflag & OPOST);
  EXPECT_TRUE(guest.rest().ends_with("\n")) << "the prompt that comes next does not begin a line";
}

TEST(Console, ShowsBannerAndPrompt) {
  Guest guest({"--cpus", "2"});
  EXPECT_NE(guest.banner().find("cv6 0."), std::string::npos) << guest.banner();
  EXPECT_NE(guest.banner().find("2 processors"), std::string::npos) << guest.banner();
  EXPECT_NE(guest.banner().find("nothing persists"), std::string::npos) << guest.banner();
  EXPECT_EQ(guest.banner().find("[    0."), std::string::npos) << "the kernel log does not belong here";
}

TEST(Console, EndsByExit) { expect_clean_end("exit\r"); }
TEST(Console, EndsByPowerOff) { expect_clean_end("poweroff\r"); }
TEST(Console, EndsByEndOfInput) { expect_clean_end(ctrl_d); }
TEST(Console, EndsByCtrlAx) { expect_clean_end(std::string(ctrl_a) + "x"); }
TEST(Console, EndsByReboot) { expect_clean_end("reboot\r"); }

TEST(Console, RunsTheFirstCommandsOfTheTour) {
  Guest guest;
  EXPECT_NE(guest.command("uname -a").find("cv6"), std::string::npos);
  EXPECT_NE(guest.command("ps").find("/init"), std::string::npos);
  EXPECT_NE(guest.command("ls -l /").find(" bin\n"), std::string::npos);
  EXPECT_NE(guest.command("cat /proc/meminfo").find("MemFree:"), std::string::npos);
  EXPECT_NE(guest.command("top -b -n1").find("Mem:"), std::string::npos);
  EXPECT_GT(std::stol(guest.command("find / | wc -l")), 300);
  guest.type("sh -c 'for i in 1 2 3; do echo $i | cat; done' &\r");
  guest.wait_for("1\r\n");
  guest.wait_for("2\r\n");
  guest.wait_for("3\r\n");
}

// The shell edits its line with the terminal in another mode. What is typed for a program waits until the program has
// shown that it runs, as a person would.
void start_cat(Guest& guest) {
  guest.type("sh -c 'echo begun; exec cat'\r");
  guest.wait_for("begun\r\n");
}

void expect_answer(Guest& guest, const std::string& word) {
  guest.type(word + "\r");
  guest.wait_for(word + "\r\n" + word + "\r\n");
}

TEST(Console, InterruptEndsTheProgramAndNotTheShell) {
  Guest guest;
  start_cat(guest);
  expect_answer(guest, "ready");
  guest.type(ctrl_c);
  guest.wait_for("cv6# ");
  EXPECT_EQ(guest.command("echo $?"), "130\n");
}

TEST(Console, EndOfInputEndsTheProgramAndNotTheShell) {
  Guest guest;
  start_cat(guest);
  expect_answer(guest, "ready");
  guest.type(ctrl_d);
  guest.wait_for("cv6# ");
  EXPECT_EQ(guest.command("echo $?"), "0\n");
}

void stop_and_continue_cat(Guest& guest) {
  start_cat(guest);
  expect_answer(guest, "one");
  guest.type(ctrl_z);
  guest.wait_for("Stopped");
  guest.wait_for("cv6# ");
  EXPECT_NE(guest.command("jobs").find("Stopped"), std::string::npos);
  guest.type("fg\r");
  guest.wait_for("exec cat");
  guest.wait_for("\n");
  expect_answer(guest, "two");
  guest.type(ctrl_c);
  guest.wait_for("cv6# ");
}

TEST(Console, StopsAndContinuesAJob) {
  Guest guest;
  stop_and_continue_cat(guest);
  EXPECT_EQ(guest.command("jobs"), "");
}

TEST(Console, RemembersAndEditsLines) {
  Guest guest;
  EXPECT_EQ(guest.command("echo one"), "one\n");
  guest.type(key_up);
  guest.wait_for("echo one");
  guest.type("\177\177\177two\r");
  guest.wait_for("\n");
  EXPECT_EQ(guest.wait_for("\r\n"), "two");
}

TEST(Console, RunsBashWithJobControlAndHereDocuments) {
  Guest guest;
  guest.type("bash\r");
  guest.wait_for("cv6# ");
  guest.type("cat <<END | tr a-z A-Z\r");
  guest.wait_for("> ");
  guest.type("here\rEND\r");
  guest.wait_for("HERE\r\n");
  guest.wait_for("cv6# ");
  stop_and_continue_cat(guest);
  guest.type("echo ${BASH_VERSION%%.*}\r");
  guest.wait_for("5\r\n");
}

TEST(Console, CtrlATwiceIsOneForTheGuest) {
  Guest guest;
  guest.type("sh -c 'echo begun; exec cat -v'\r");
  guest.wait_for("begun\r\n");
  guest.type("\001\001\r");
  guest.wait_for("^A");
  guest.wait_for("^A");
  guest.type(std::string(ctrl_a) + "h");
  guest.wait_for("Ctrl-A x leaves");
  guest.type(ctrl_c);
  guest.wait_for("cv6# ");
}

TEST(Console, FollowsTheSizeOfTheTerminal) {
  Guest guest;
  EXPECT_EQ(guest.command("stty size"), "24 80\n");
  guest.resize(132, 43);
  guest.command("until [ \"$(stty size)\" = '43 132' ]; do :; done");
  EXPECT_EQ(guest.command("stty size"), "43 132\n");
}

TEST(Console, TellsProgramsThatTheSizeHasChanged) {
  Guest guest;
  guest.type("sh -c 'trap \"stty size; exit\" WINCH; echo begun; while :; do sleep 0.1; done'\r");
  guest.wait_for("begun\r\n");
  guest.resize(100, 50);
  guest.wait_for("50 100\r\n");
}

TEST(Console, EditsAFileWithVi) {
  Guest guest;
  guest.type("vi /tmp/note\r");
  guest.wait_for("- /tmp/note");
  guest.type("ihello");
  guest.wait_for("hello");
  guest.type("\033");  // What follows at once would be taken for a key's sequence.
  guest.wait_for("- /tmp/note");
  guest.type(":wq\r");
  guest.wait_for("cv6# ");
  EXPECT_EQ(guest.command("cat /tmp/note"), "hello\n");
}

TEST(Console, StoppingTheRunnerGivesTheTerminalBack) {
  Guest guest;
  ::kill(guest.process(), SIGTSTP);
  ASSERT_TRUE(guest.wait_stopped());
  EXPECT_TRUE(guest.settings().c_lflag & ECHO);
  guest.resize(100, 30);
  ::kill(guest.process(), SIGCONT);
  guest.wait_raw();
  EXPECT_EQ(guest.command("echo back"), "back\n");
  EXPECT_EQ(guest.command("stty size"), "30 100\n");
}

TEST(Console, SignalToTheRunnerGivesTheTerminalBack) {
  Guest guest;
  ::kill(guest.process(), SIGTERM);
  EXPECT_EQ(guest.wait_end(), 128 + SIGTERM);
  EXPECT_TRUE(guest.settings().c_lflag & ECHO);
}

TEST(Console, LeavingInsideAFullScreenProgramRestoresTheScreen) {
  Guest guest;
  guest.type("printf '\\033[?1049h\\033[?25l'; echo dra''wn\r");
  guest.wait_for("drawn\r\n");
  guest.type(std::string(ctrl_a) + "x");
  EXPECT_EQ(guest.wait_end(), 0);
  EXPECT_NE(guest.rest().find("\033[?1049l"), std::string::npos);
  EXPECT_NE(guest.rest().find("\033[?25h"), std::string::npos);
}

TEST(Console, LongPasteAndLongOutputAreWhole) {
  Guest guest;
  guest.type("stty -echo; echo ready; wc -c; stty echo\r");
  guest.wait_for("ready\r\n");
  std::string paste;
  for (int i = 0; i < 400; ++i) paste += std::string(99, 'p') + "\r";
  guest.type(paste + ctrl_d);
  guest.wait_for("40000\r\n");
  guest.wait_for("cv6# ");
  std::string expected;
  for (int i = 1; i <= 100'000; ++i) expected += std::to_string(i) + "\n";
  EXPECT_TRUE(guest.command("seq 1 100000") == expected);
}

TEST(Console, SettingsAreExactlyAsBefore) {
  // The terminal's settings are asked for before the runner gets to it.
  Words words = {"sh", "-c", "echo start; read go; exec \"$@\"", "sh"};
  for (const std::string& word : runner()) words.push_back(word);
  cv6::test::Console console(words);
  console.wait_for("start");
  const termios before = console.settings();
  console.type("go\r");
  console.wait_for("cv6# ");
  EXPECT_FALSE(same(before, console.settings()));
  console.type("exit\r");
  EXPECT_EQ(console.wait_end(), 0);
  EXPECT_TRUE(same(before, console.settings()));
}

}  // namespace
}  // namespace cv6::test
