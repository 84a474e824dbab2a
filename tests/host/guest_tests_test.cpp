// The test driver itself: what it makes of test programs that pass, fail, crash and hang with their machine.
#include "test/guest_tests.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "common/files.hpp"
#include "test/google_tests.hpp"

namespace cv6::host {
namespace {

class Driver : public testing::Test {
 protected:
  void SetUp() override {
    auto scratch = ScratchFolder::create();
    ASSERT_TRUE(scratch);
    scratch_.emplace(std::move(*scratch));
  }

  std::string script(const std::string& text) const {
    const std::string path = scratch_->path() / "program";
    std::ofstream(path) << "#!/bin/sh\n" << text;
    ::chmod(path.c_str(), 0755);
    return path;
  }

  // Runs `action`, and returns the last line of the summary.
  std::string summary_of(const std::function<void(Tally&)>& action) const {
    Tally tally;
    testing::internal::CaptureStdout();
    action(tally);
    tally.summarize();
    std::fflush(stdout);
    std::string text = testing::internal::GetCapturedStdout();
    if (!text.empty()) text.pop_back();
    return text.substr(text.rfind('\n') + 1);
  }

  std::string google(const std::string& text) const {
    const std::string program = script(text);
    return summary_of([&](Tally& tally) { run_google_tests("title", {program}, tally); });
  }

  std::string guest(const std::string& text) const {
    const std::string program =
        script("case $1 in --gtest_list_tests) printf 'A.\\n  one\\n  two  # x\\n  three\\n'; exit;; esac\n" + text);
    return summary_of([&](Tally& tally) { run_guest_tests({"title", program, {program}, ""}, tally); });
  }

  std::optional<ScratchFolder> scratch_;
};

TEST_F(Driver, CountsGoogleTests) {
  EXPECT_EQ(google("echo '[ RUN      ] A.b'; echo '[       OK ] A.b (0 ms)'\n"
                   "echo '[ RUN      ] A.c'; echo 'why'; echo '[  FAILED  ] A.c (0 ms)'\n"
                   "echo '[  FAILED  ] A.c'; exit 1"),
            "1 passed, 1 failed");
}

TEST_F(Driver, CrashFailsTheTestThatWasRunning) {
  EXPECT_EQ(google("echo '[ RUN      ] A.b'; kill -SEGV $$"), "0 passed, 1 failed");
}

TEST_F(Driver, BadEndAfterGoodTestsIsAFailure) {
  EXPECT_EQ(google("echo '[ RUN      ] A.b'; echo '[       OK ] A.b (0 ms)'; exit 23"), "1 passed, 1 failed");
}

TEST_F(Driver, PlainProgramIsOneTest) {
  EXPECT_EQ(google("true"), "1 passed, 0 failed");
  EXPECT_EQ(google("false"), "0 passed, 1 failed");
}

TEST_F(Driver, CountsGuestTests) {
  EXPECT_EQ(guest("echo 'ok       A.one'; echo '  why'; echo 'FAILED   A.two'; echo 'skipped  A.three'; exit 1"),
            "1 passed, 1 failed");
}

TEST_F(Driver, GoesOnAfterAMachineThatDied) {
  EXPECT_EQ(guest("case $2 in *one*) echo 'ok       A.one'; echo boom; exit 125;; *) echo 'ok "
                  "A.three';; esac"),
            "2 passed, 1 failed");
  EXPECT_EQ(guest("exit 125"), "0 passed, 3 failed") << "each test is tried, none twice";
}

}  // namespace
}  // namespace cv6::host
