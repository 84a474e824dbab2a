// How containers share the processors: the guest's test of it, exactly where time is the number of instructions.
//
// (QEMU executes the processors of such a machine in turns, each up to its next timer: no measure for what takes less than a
// slice, and one can come to spin for ever on a lock that another holds whenever it is not its turn. So several are looked
// at by the computer's clock.)
#include <gtest/gtest.h>

#include "support/command.hpp"

namespace cv6::test {
namespace {

constexpr const char* shares = "Fairness.*Process*:Fairness.Weights*";

Completed run_fairness(std::vector<std::string> options, const std::string& time, const std::string& filter) {
  options.insert(options.end(), {"--memory", "256M", "--add", build_folder() + "/tests/guest/guest-tests:/bin/guest-tests"});
  return run_guest(options, {"sh", "-c", "CV6_FAIRNESS=" + time + " guest-tests --gtest_filter='" + filter + "'"});
}

TEST(Fairness, OnOneProcessor) {
  const Completed done = run_fairness({"--cpus", "1", "--icount=16"}, "counted", "Fairness.*");
  EXPECT_EQ(done.status, 0) << done.output << done.error;
}

TEST(Fairness, OnTwoProcessors) {
  const Completed done = run_fairness({"--cpus", "2"}, "clock", shares);
  EXPECT_EQ(done.status, 0) << done.output << done.error;
}

TEST(Fairness, OnFourProcessors) {
  const Completed done = run_fairness({"--cpus", "4"}, "clock", shares);
  EXPECT_EQ(done.status, 0) << done.output << done.error;
}

}  // namespace
}  // namespace cv6::test
