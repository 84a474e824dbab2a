// The script `cv6` itself, and what the runner refuses.
#include <gtest/gtest.h>

#include <filesystem>

#include "support/command.hpp"
#include "support/files.hpp"

namespace cv6::test {
namespace {

std::string script() { return source_folder() + "/cv6"; }

class CommandLine : public FilesTest {};

TEST_F(CommandLine, HelpGoesToStandardOutput) {
  const Completed help = run_program({script(), "--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_EQ(help.error, "");
  for (const char* word : {"run", "test", "bench", "build", "debug", "clean"}) {
    EXPECT_NE(help.output.find(std::string("\n  ") + word), std::string::npos) << word;
  }
}

TEST_F(CommandLine, UnknownWordsGetAUsageLineAndStatus2) {
  for (const Words& words : {Words{},
                             {"fly"},
                             {"--fast"},
                             {"build", "quick"},
                             {"build", "debug", "x"},
                             {"clean", "x"},
                             {"run", "--build", "x"}}) {
    Words command = {script()};
    command.insert(command.end(), words.begin(), words.end());
    const Completed done = run_program(command);
    EXPECT_EQ(done.status, 2) << done.error;
    EXPECT_EQ(done.output, "");
    EXPECT_NE(done.error.find("Usage: ./cv6"), std::string::npos) << done.error;
  }
}

TEST_F(CommandLine, RunnerRefusesUnknownOptions) {
  const Completed done = run_program(runner({"--fast"}));
  EXPECT_EQ(done.status, 2);
  EXPECT_NE(done.error.find("Usage: ./cv6 run"), std::string::npos) << done.error;
}

TEST_F(CommandLine, WorksThroughALinkFromAnywhere) {
  std::filesystem::create_symlink(script(), path("link"));
  const Completed done = run_program({"sh", "-c", "cd / && exec \"$1\" --help", "sh", path("link")});
  EXPECT_EQ(done.status, 0) << done.error;
}

TEST_F(CommandLine, EachFailureIsOneClearLine) {
  const auto error_of = [](const Words& options) {
    const Completed done = run_guest(options, {"true"});
    EXPECT_EQ(done.status, 1) << done.error;
    EXPECT_EQ(done.output, "");
    return done.error;
  };
  EXPECT_EQ(error_of({"--add", "/no/such/file"}), "cv6: --add /no/such/file: No such file or directory\n");
  EXPECT_EQ(error_of({"--kernel-log", "/no/such/log"}), "cv6: --kernel-log /no/such/log: No such file or directory\n");
  EXPECT_EQ(error_of({"--kernel", "/no/such/kernel"}), "cv6: /no/such/kernel: No such file or directory\n");
  EXPECT_EQ(error_of({"--image", "/no/such/image"}), "cv6: /no/such/image: No such file or directory\n");
}

TEST_F(CommandLine, ArgumentsThatTheKernelCannotReadAreRefused) {
  const Completed done = run_guest({"--append", std::string(2000, 'x')}, {"true"});
  EXPECT_EQ(done.status, 2);
  EXPECT_EQ(done.error, "cv6: --append: 2000 bytes are too many (at most 1024)\n");
}

TEST_F(CommandLine, KernelLogMayBeADevice) {
  EXPECT_EQ(run_guest({"--kernel-log", "/dev/null"}, {"echo ran"}).output, "ran\n");
  const Completed done = run_guest({"--kernel-log", "/dev/stderr"}, {"echo ran"});
  EXPECT_EQ(done.output, "ran\n");
  EXPECT_TRUE(done.error.contains("] cv6")) << done.error;
}

// The scratch folder on a file system of its own, with no room for the image.
TEST_F(CommandLine, FullScratchFolderIsSaid) {
  const Words in_small_folder = {"unshare", "-m", "sh", "-c",
                                 "mount -t tmpfs -o size=64k none \"$0\" && TMPDIR=$0 exec \"$@\""};
  std::filesystem::create_directory(path("small"));
  Words words = in_small_folder;
  words.insert(words.end(), {path("small"), "true"});
  if (run_program(words).status != 0) GTEST_SKIP() << "mounting is not allowed";
  words.pop_back();
  for (const std::string& word : runner({"--add", make_file("file", "text"), "--", "true"})) words.push_back(word);
  const Completed done = run_program(words);
  EXPECT_EQ(done.status, 1);
  EXPECT_TRUE(done.error.ends_with(": No space left on device (TMPDIR names another folder for it)\n")) << done.error;
}

TEST_F(CommandLine, QemuThatIsMissingIsSaid) {
  Words words = {"env", "PATH=/nowhere"};
  for (const std::string& word : runner({"--", "true"})) words.push_back(word);
  const Completed done = run_program(words);
  EXPECT_EQ(done.status, 125);
  EXPECT_EQ(done.error, "cv6: QEMU failed: qemu-system-x86_64: No such file or directory\n");
}

TEST_F(CommandLine, KernelThatIsNoneIsSaid) {
  const std::string kernel = make_file("kernel", std::string(10000, 'x'));
  const Completed done = run_guest({"--kernel", kernel}, {"true"});
  EXPECT_EQ(done.status, 125);
  EXPECT_TRUE(done.error.starts_with("cv6: QEMU failed: ")) << done.error;
}

}  // namespace
}  // namespace cv6::test
