// `./cv6 run -- COMMAND`, as scripts use it: every byte and the exit status come through as they are.
#include "support/command.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

namespace cv6::test {
namespace {

std::string random_bytes(std::size_t size) {
  std::mt19937_64 random(1);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST(Command, GivesOutputErrorAndStatusApart) {
  const Completed done = run_shell("echo out; echo err >&2; exit 7");
  EXPECT_EQ(done.status, 7);
  EXPECT_EQ(done.output, "out\n");
  EXPECT_EQ(done.error, "err\n");
}

TEST(Command, EndedBySignalGives128AndItsNumber) {
  EXPECT_EQ(run_shell("kill -TERM $$").status, 128 + SIGTERM);
  EXPECT_EQ(run_guest({}, {"sh", "-c", "kill -SEGV $$"}).status, 128 + SIGSEGV);
}

TEST(Command, SeveralWordsAreAProgramWithExactlyTheseArguments) {
  const Completed done = run_guest({}, {"printf", "%s|", "a b", "", "$x", "*", "-n", "\\", "\xff\xfe", "ä\n"});
  EXPECT_EQ(done.output, "a b||$x|*|-n|\\|\xff\xfe|ä\n|");
  EXPECT_EQ(done.status, 0) << done.error;
}

TEST(Command, OneWordIsForTheShell) {
  EXPECT_EQ(run_shell("for i in 1 2 3; do echo $i; done | tr '\\n' ' '").output, "1 2 3 ");
}

TEST(Command, LongArgumentsArrive) {
  const std::string word(100'000, 'w');
  const Completed done = run_guest({}, {"sh", "-c", "echo ${#1}", "sh", word});
  EXPECT_EQ(done.output, "100000\n") << done.error;
}

// Debian's busybox, by datagrams to the socket /dev/log.
TEST(Command, LoggerReachesSyslogd) {
  const Completed done = run_shell(
      "busybox syslogd -n -O /tmp/log & while ! [ -S /dev/log ]; do usleep 1000; done; logger -t me hello; "
      "until grep -q hello /tmp/log; do usleep 1000; done; grep -o 'me: .*' /tmp/log");
  EXPECT_EQ(done.output, "me: hello\n") << done.error;
}

TEST(Command, NotFoundAndNotExecutableAreSaid) {
  const Completed missing = run_guest({}, {"no-such-program", "x"});
  EXPECT_EQ(missing.status, 127);
  EXPECT_EQ(missing.error, "cv6: no-such-program: not found in the guest (--add HOST:GUEST puts it there)\n");
  EXPECT_EQ(missing.output, "");
  EXPECT_EQ(run_guest({}, {"/etc/passwd", "x"}).status, 126);
}

TEST(Command, StandardInputComesThroughToItsEnd) {
  const std::string input = random_bytes(3'000'000);
  const Completed done = run_shell("cat", input);
  EXPECT_EQ(done.status, 0) << done.error;
  EXPECT_TRUE(done.output == input) << done.output.size() << " bytes came back";
}

TEST(Command, EmptyInputIsAnEnd) { EXPECT_EQ(run_shell("cat; echo done").output, "done\n"); }

TEST(Command, InputThatNobodyReadsDoesNoHarm) {
  const Completed done = run_shell("echo early", random_bytes(1'000'000));
  EXPECT_EQ(done.output, "early\n");
  EXPECT_EQ(done.status, 0) << done.error;
}

TEST(Command, NoCarriageReturnsAreAdded) {
  EXPECT_EQ(run_shell("printf 'a\\nb\\r\\n\\0c'").output, std::string("a\nb\r\n\0c", 7));
}

TEST(Command, LargeOutputIsWhole) {
  const Completed done = run_shell("seq 1 400000; echo end >&2");
  std::string expected;
  for (int i = 1; i <= 400'000; ++i) expected += std::to_string(i) + "\n";
  EXPECT_TRUE(done.output == expected) << done.output.size() << " bytes of " << expected.size();
  EXPECT_EQ(done.error, "end\n");
}

TEST(Command, ReaderThatIsSlowLosesNothing) {
  // The reader of the pipe does not begin before the guest's job has long written what fits nowhere.
  Words words = {"sh", "-c", R"({ "$@"; echo "status $?" >&2; } | { read first; sleep 3; wc -c; })", "sh"};
  for (const std::string& word : runner()) words.push_back(word);
  words.insert(words.end(), {"--", "echo first; head -c 2000000 /dev/zero"});
  const Completed done = run_program(words);
  EXPECT_EQ(done.output, "2000000\n");
  EXPECT_EQ(done.error, "status 0\n");
}

TEST(Command, ReaderThatGoesAwayEndsTheMachineAsUsual) {
  Words words = {"bash", "-c", R"("$@" | head -n 1; echo "${PIPESTATUS[0]}")", "bash"};
  for (const std::string& word : runner()) words.push_back(word);
  words.insert(words.end(), {"--", "yes"});
  const Completed done = run_program(words);
  EXPECT_EQ(done.output, "y\n141\n");
  EXPECT_EQ(done.error, "");
}

TEST(Command, FullDiskIsSaid) {
  Words words = {"sh", "-c", R"("$@" > /dev/full; echo "status $?")", "sh"};
  for (const std::string& word : runner()) words.push_back(word);
  words.insert(words.end(), {"--", "echo x"});
  const Completed done = run_program(words);
  EXPECT_EQ(done.output, "status 1\n");
  EXPECT_EQ(done.error, "cv6: standard output: No space left on device\n");
}

TEST(Command, ShellReadsItsCommandsFromStandardInput) {
  Words words = runner();
  const Completed done = run_program(words, "echo one\nfalse || echo two\nexit 3\n");
  EXPECT_EQ(done.output, "one\ntwo\n");
  EXPECT_EQ(done.status, 3) << done.error;
}

TEST(Command, RunsAsRootAtHomeWithAnEnvironment) {
  const Completed done = run_shell("id -un; pwd; echo $HOME $PATH; hostname");
  EXPECT_EQ(done.output, "root\n/root\n/root /bin:/sbin:/usr/bin:/usr/sbin\ncv6\n") << done.error;
}

TEST(Command, HasNoControllingTerminal) { EXPECT_NE(run_shell("echo x > /dev/tty").status, 0); }

TEST(Command, StandardStreamsCanBeOpenedAgain) {
  EXPECT_EQ(run_shell("echo out > /dev/stdout; echo in | cat /dev/stdin").output, "out\nin\n");
}

TEST(Command, PipeWithoutWritersCanBeOpenedAgain) {
  // The first cat has seen the end, so there is no writer any more when the second one opens the pipe.
  EXPECT_EQ(run_shell("echo in | { cat; cat /dev/stdin; echo end; }").output, "in\nend\n");
}

TEST(Command, BackgroundJobsDoNotKeepTheMachine) {
  const Completed done = run_shell("sleep 1000 & echo started");
  EXPECT_EQ(done.output, "started\n");
  EXPECT_EQ(done.status, 0) << done.error;
}

TEST(Command, PowerOffInsideEndsWell) {
  const Completed done = run_shell("poweroff; sleep 100");
  EXPECT_EQ(done.status, 0) << done.error;
}

TEST(Command, SignalEndsTheRunnerAndTheMachine) {
  Words words = {"sh", "-c", R"("$@" & runner=$!; read go; kill -TERM $runner; wait $runner; echo "status $?")", "sh"};
  for (const std::string& word : runner()) words.push_back(word);
  words.insert(words.end(), {"--", "sleep 1000"});
  const Completed done = run_program(words, "go\n");
  EXPECT_EQ(done.output, "status 143\n");
}

TEST(Command, SeveralMachinesAtOnceDoNotMeet) {
  Words words = {"sh", "-c", R"(for n in 1 2 3; do "$@" "echo $n; sleep 0.1; echo $n" & done; wait)", "sh"};
  for (const std::string& word : runner({"--cpus", "1"})) words.push_back(word);
  words.push_back("--");
  const Completed done = run_program(words);
  for (const char* line : {"1\n", "2\n", "3\n"}) EXPECT_NE(done.output.find(line), std::string::npos) << done.error;
  EXPECT_EQ(done.output.size(), 12u) << done.output;
}

}  // namespace
}  // namespace cv6::test
