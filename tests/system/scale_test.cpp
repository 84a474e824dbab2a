// As many containers as are promised: the guest's test of them, in a machine that is large enough, where time is the number
// of instructions.
#include <gtest/gtest.h>

#include "support/command.hpp"

namespace cv6::test {
namespace {

TEST(Scale, TenThousandContainersInAGigabyte) {
  const Completed done = run_guest({"--memory", "1G", "--icount", "--add", build_folder() + "/tests/guest/guest-tests:/bin/guest-tests"},
                                   {"sh", "-c", "CV6_ICOUNT=1 guest-tests --gtest_filter='ContainerScale*'"});
  EXPECT_EQ(done.status, 0) << done.output << done.error;
}

}  // namespace
}  // namespace cv6::test
