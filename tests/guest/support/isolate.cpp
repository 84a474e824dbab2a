#include "support/isolate.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "support/clock.hpp"
#include "support/container.hpp"
#include "support/objects.hpp"
#include "support/wait.hpp"

namespace {

// CV6_FAIL_ONE_IN=N: of N allocations that a test and what it starts make the kernel do, one fails by chance (the debug build
// of cv6 can do that). Then no test's verdict counts, but that the kernel goes on, and that nothing is left in the end.
const char* failing_one_in() { return getenv("CV6_FAIL_ONE_IN"); }

}  // namespace

namespace cv6::guest {

namespace {

constexpr int skipped_code = 77;

// Prints failures only; the runner prints the verdict.
class FailurePrinter : public testing::EmptyTestEventListener {
  void OnTestPartResult(const testing::TestPartResult& part) override {
    if (!part.failed() && !part.skipped()) return;
    const char* file = part.file_name() ? part.file_name() : "?";
    printf("    %s:%d: %s\n", file, part.line_number(), part.message());
    fflush(stdout);
  }
};

std::vector<std::string> selected_tests() {
  // GoogleTest applies the filter only inside RUN_ALL_TESTS; asked to list, it applies it and runs nothing.
  GTEST_FLAG_SET(list_tests, true);
  fflush(stdout);
  const int console = dup(STDOUT_FILENO);
  freopen("/dev/null", "w", stdout);
  (void)RUN_ALL_TESTS();
  fflush(stdout);
  dup2(console, STDOUT_FILENO);
  close(console);
  GTEST_FLAG_SET(list_tests, false);

  std::vector<std::string> names;
  const auto& all = *testing::UnitTest::GetInstance();
  for (int s = 0; s < all.total_test_suite_count(); ++s) {
    const auto& suite = *all.GetTestSuite(s);
    for (int t = 0; t < suite.total_test_count(); ++t) {
      const auto& test = *suite.GetTestInfo(t);
      if (test.should_run()) names.push_back(std::string(test.test_suite_name()) + "." + test.name());
    }
  }
  return names;
}

[[noreturn]] void run_one(const std::string& name) {
  setpgid(0, 0);
  GTEST_FLAG_SET(filter, name);
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new FailurePrinter);
  const int code = RUN_ALL_TESTS();
  const bool skipped = testing::UnitTest::GetInstance()->skipped_test_count() > 0;
  fflush(stdout);
  _exit(code != 0 ? 1 : skipped ? skipped_code : 0);
}

long milliseconds() { return now() / 1'000'000; }

// The wait status, or -1 when the limit passed and the group was killed.
int status_of(pid_t pid, int seconds) {
  alarm(seconds);
  bool late = false;
  int status;
  while (waitpid(pid, &status, 0) == -1) {
    if (errno != EINTR) break;
    late = true;
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
  }
  alarm(0);
  kill(-pid, SIGKILL);  // what the test left behind
  return late ? -1 : status;
}

std::string verdict(int status) {
  if (status == -1) return "HUNG";
  if (WIFSIGNALED(status)) return std::string("CRASHED by SIG") + sigabbrev_np(WTERMSIG(status));
  if (WEXITSTATUS(status) == 0) return "ok";
  return WEXITSTATUS(status) == skipped_code ? "skipped" : "FAILED";
}

void let_allocations_fail() {
  const int file = open("/proc/self/make-it-fail", O_WRONLY | O_CLOEXEC);
  if (file < 0 || dprintf(file, "%s", failing_one_in()) < 0) _exit(skipped_code);
  close(file);
}

// Such a test runs in a container of its own, with which goes all that it left behind when it gave up.
class FailingTest {
 public:
  FailingTest() : before_(lasting(count_objects())) {
    container_ = create_container(nesting());
  }
  [[noreturn]] void run(const std::string& name) const {
    if (join_container(container_) != 0) _exit(skipped_code);
    let_allocations_fail();
    run_one(name);
  }
  // What became of it: all kernel objects must be gone, in time.
  std::string end() const {
    if (destroy_container(container_) != 0) return "FAILED (destroy)";
    ObjectCounts after;
    if (wait_until([&] { return growth(before_, after = lasting(count_objects())).empty(); })) return "ok";
    return "FAILED, left: " + growth(before_, after);
  }

 private:
  ObjectCounts before_;
  int container_;
};

}  // namespace

int isolation_limit(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--isolate") == 0) return 300;
    if (strncmp(argv[i], "--isolate=", 10) == 0) return atoi(argv[i] + 10);
  }
  return 0;
}

int run_isolated(int seconds) {
  struct sigaction action{};
  action.sa_handler = [](int) {};
  sigaction(SIGALRM, &action, nullptr);  // without SA_RESTART: it interrupts waitpid

  setvbuf(stdout, nullptr, _IOLBF, 0);  // a verdict is out before the next test can take the machine with it
  setenv("CV6_TEST_LIMIT", std::to_string(seconds * 3 / 4 + 1).c_str(), 0);  // a wait ends before its test is killed
  const bool root = geteuid() == 0;  // only root can become the other users that the tests need
  if (!root) printf("the tests change ids, roots and devices: they need root\n");

  int passed = 0, skipped = 0;
  std::vector<std::string> failed;
  for (const auto& name : selected_tests()) {
    fflush(stdout);
    const long start = milliseconds();
    const auto failing = failing_one_in() ? std::make_optional<FailingTest>() : std::nullopt;
    const pid_t pid = fork();
    if (pid == 0) {
      signal(SIGALRM, SIG_DFL);
      if (!root) _exit(skipped_code);
      if (failing) failing->run(name);
      run_one(name);
    }
    std::string text = pid == -1 ? "FAILED (fork)" : verdict(status_of(pid, seconds));
    if (failing && text != "skipped") text = failing->end();
    printf("%-8s %6ld ms  %s\n", text.c_str(), milliseconds() - start, name.c_str());
    if (text == "ok")
      ++passed;
    else if (text == "skipped")
      ++skipped;
    else
      failed.push_back(name + " " + text);
  }
  for (const auto& name : failed) printf("failed: %s\n", name.c_str());
  if (skipped > 0) printf("%d skipped\n", skipped);
  printf("%d passed, %zu failed\n", passed, failed.size());
  return failed.empty() ? 0 : 1;
}

}  // namespace cv6::guest
