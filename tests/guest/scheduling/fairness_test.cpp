// The shares of containers, within 2 percent, over five seconds. CV6_FAIRNESS says what time is in this machine: `counted`, the
// number of its instructions, or `clock`, the computer's. There, whoever runs on a processor that the computer does not run for
// a while is charged for it, and is made to wait only later; so the smallest share is measured until 2 percent of it are more
// than such a pause.
#include <sys/sysinfo.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <string_view>

#include "scheduling/scheduling_box.hpp"

namespace cv6::guest {
namespace {

class Fairness : public Scheduling {
 protected:
  void SetUp() override {
    if (!getenv("CV6_FAIRNESS")) GTEST_SKIP() << "takes half a minute (CV6_FAIRNESS=counted or clock)";
    Scheduling::SetUp();
  }
  static constexpr double tolerance = 0.02, pause = 0.12 * second;
  static void expect_share(double amount, double of, double share) {
    EXPECT_NEAR(amount / of, share, tolerance * share) << amount << " of " << of;
  }
  static constexpr double while_ = 5 * second;
  static double while_of_share(double smallest) {
    if (getenv("CV6_FAIRNESS") == std::string_view("counted")) return while_;
    return std::max(while_, pause / (tolerance * smallest * get_nprocs()));
  }

  static double total(const std::vector<double>& amounts) { return std::accumulate(amounts.begin(), amounts.end(), 0.0); }
  // All processors were busy for these containers, but for what the test itself and the scheduler took.
  static void expect_no_idle(const std::vector<double>& amounts, double time = while_) {
    EXPECT_GT(total(amounts), 0.99 * get_nprocs() * time);
  }
};

TEST_F(Fairness, FourProcessesGetAsMuchAsFifty) {
  SchedulingBox few, many;
  few.add_busy_ones(4);
  many.add_busy_ones(50);
  const auto amounts = used({&few, &many}, while_);
  expect_share(amounts[0], total(amounts), 0.5);
  expect_no_idle(amounts);
}

TEST_F(Fairness, OneProcessGetsItsShareOrAProcessor) {
  SchedulingBox one, many;
  one.add_busy_ones(1);
  many.add_busy_ones(50);
  const auto amounts = used({&one, &many}, while_);
  expect_share(amounts[0], total(amounts), get_nprocs() == 1 ? 0.5 : 1.0 / get_nprocs());
  expect_no_idle(amounts);
}

TEST_F(Fairness, WeightsDivide) {
  constexpr unsigned weights[] = {100, 200, 400};
  std::vector<std::unique_ptr<SchedulingBox>> boxes;
  std::vector<SchedulingBox*> all;
  for (const unsigned weight : weights) {
    boxes.push_back(std::make_unique<SchedulingBox>(ContainerScheduling{.change = ContainerScheduling::weight_only, .weight = weight}));
    boxes.back()->add_busy_ones(2 * get_nprocs());
    all.push_back(boxes.back().get());
  }
  const double time = while_of_share(weights[0] / 700.0);
  const auto amounts = used(all, time);
  for (int i = 0; i < 3; ++i) expect_share(amounts[i], total(amounts), weights[i] / 700.0);
  expect_no_idle(amounts, time);
}

// Beside a container that takes all it can get.
TEST_F(Fairness, AQuotaHolds) {
  SchedulingBox limited({.change = ContainerScheduling::quota_and_period, .quota = 20'000, .period = 100'000}), other;
  limited.add_busy_ones(4);
  other.add_busy_ones(2 * get_nprocs());
  // From the end of one period's quota to the end of another's.
  const auto run_out = [&] {
    const std::uint64_t before = limited.state().throttled_count;
    while (limited.state().throttled_count == before) sleep_for(1e6);
    return std::pair{now(), limited.cpu_time()};
  };
  const auto [begin, used_before] = run_out();
  sleep_for(2 * while_);
  const auto [end, used_after] = run_out();
  EXPECT_NEAR((used_after - used_before) / (end - begin), 0.2, 0.01 * 0.2);
}

// A process that sleeps and wakes, among fifty that compute: it runs before a slice has gone by.
TEST_F(Fairness, WhoWakesWaitsLessThanASlice) {
  constexpr double slice = 1e9 / 100;
  SchedulingBox busy;
  busy.add_busy_ones(50);
  double longest = 0;
  for (const double end = now() + while_; now() < end;) {
    const double wanted = now() + 7e6;
    sleep_for(7e6);
    longest = std::max(longest, now() - wanted);
  }
  EXPECT_LT(longest, slice);
}

}  // namespace
}  // namespace cv6::guest
