// Debian's stress-ng: each of its stressors, with three workers for a second.
//
// Left out: vm-segv, whose child stops itself for a ptrace(2) that never comes, and iomix, which wants a gigabyte.
#include <unistd.h>

#include <algorithm>

#include "ordeal.hpp"
#include "stressors.hpp"

namespace cv6::guest {
namespace {

constexpr char program[] = "/usr/bin/stress-ng";
constexpr int patience =
    200;  // a few take that long on an emulated machine: a million functions, mappings listed again and again
constexpr uid_t nobody = 65534;

std::string test_name(const char* stressor) {
  std::string name = stressor;
  std::ranges::replace(name, '-', '_');
  return name;
}

class StressNg : public OrdealTest {
 protected:
  AfterOrdeal stress(const std::string& stressor, uid_t user = 0) {
    return endure({{program, "--" + stressor, "3", "--timeout", "1s", "--pathological"}, user, patience});
  }
  // At the limit on memory stress-ng may give up (3), be the one that is ended, or call what it is told a failure.
  void expect_good(const AfterOrdeal& after) {
    constexpr int no_resource = 3;
    EXPECT_TRUE(after.in_time);
    EXPECT_TRUE(after.ending.exited(0) || after.ending.exited(no_resource) || after.out_of_memory)
        << after.ending << "\n"
        << after.output;
  }
  void SetUp() override {
    OrdealTest::SetUp();
    if (access(program, X_OK) != 0) GTEST_SKIP() << program << " is not there";
  }
};

class Works : public StressNg, public testing::WithParamInterface<const char*> {};
TEST_P(Works, AsRoot) { expect_good(stress(GetParam())); }

class WorksAsNobody : public StressNg, public testing::WithParamInterface<const char*> {};
TEST_P(WorksAsNobody, AsNobody) { expect_good(stress(GetParam(), nobody)); }

class IsRefused : public StressNg, public testing::WithParamInterface<Refused> {};
TEST_P(IsRefused, AsRoot) {
  const AfterOrdeal after = stress(GetParam().name);
  EXPECT_TRUE(after.in_time) << after.output;
  if (!HasFailure()) GTEST_SKIP() << "wants " << GetParam().lacks;
}

INSTANTIATE_TEST_SUITE_P(StressNg, Works, testing::ValuesIn(working),
                         [](const auto& test) { return test_name(test.param); });
INSTANTIATE_TEST_SUITE_P(StressNg, WorksAsNobody, testing::ValuesIn(working_as_nobody),
                         [](const auto& test) { return test_name(test.param); });
INSTANTIATE_TEST_SUITE_P(StressNg, IsRefused, testing::ValuesIn(refused),
                         [](const auto& test) { return test_name(test.param.name); });

}  // namespace
}  // namespace cv6::guest
