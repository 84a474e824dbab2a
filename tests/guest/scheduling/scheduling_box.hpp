#pragma once
// Containers whose processes compute without end, for tests of how they share the processors.

#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include <cstring>
#include <vector>

#include "cv6/container.hpp"
#include "support/child.hpp"

namespace cv6::guest {

constexpr double second = 1e9;

inline double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * second + static_cast<double>(time.tv_nsec);
}

inline void sleep_for(double nanoseconds) {
  const timespec time{static_cast<time_t>(nanoseconds / second), static_cast<long>(nanoseconds) % 1'000'000'000};
  nanosleep(&time, nullptr);
}

// Waits until `condition` holds; false: it did not within five seconds.
template <class Condition>
bool comes_true(Condition condition) {
  for (const double end = now() + 5 * second; now() < end; sleep_for(1e6))
    if (condition()) return true;
  return false;
}

// A container with processes that join it and compute until it is destroyed.
class SchedulingBox {
 public:
  explicit SchedulingBox(const ContainerScheduling& scheduling = {}) {
    ContainerCreate wanted;
    wanted.scheduling = &scheduling;
    id_ = create_container(wanted);
    EXPECT_GE(id_, 0) << strerror(errno);
  }
  ~SchedulingBox() {
    EXPECT_EQ(destroy_container(id_), 0);
    for (const pid_t child : children_) reap(child);
  }
  int id() const { return id_; }

  pid_t add_busy(int nice_value = 0, bool on_first_processor = false) {
    const pid_t child = spawn([&] {
      if (on_first_processor) {
        cpu_set_t first;
        CPU_ZERO(&first);
        CPU_SET(0, &first);
        if (sched_setaffinity(0, sizeof first, &first) != 0) return 1;
      }
      if (setpriority(PRIO_PROCESS, 0, nice_value) != 0 || join_container(id_) != 0) return 1;
      for (volatile unsigned count = 0;;) count = count + 1;
      return 0;
    });
    children_.push_back(child);
    return child;
  }
  void add_busy_ones(int count) {
    for (int i = 0; i < count; ++i) add_busy();
    EXPECT_TRUE(comes_true([&] { return state().running + state().queued + state().stopped == static_cast<unsigned>(count); }));
  }

  ContainerScheduling state() const {
    ContainerScheduling now;
    now.id = id_;
    EXPECT_EQ(container_scheduling(now), 0) << strerror(errno);
    return now;
  }
  int change(ContainerScheduling wanted) const {
    wanted.id = id_;
    return container_scheduling(wanted);
  }
  int set_frozen(bool frozen) const { return change({.change = ContainerScheduling::freezing, .frozen = frozen}); }
  int set_policy(const char* name, std::uint64_t seed = 0) const { return change(with_policy(name, seed)); }
  static ContainerScheduling with_policy(const char* name, std::uint64_t seed = 0) {
    ContainerScheduling wanted{.change = ContainerScheduling::policy_and_seed, .seed = seed};
    strncpy(wanted.policy, name, sizeof wanted.policy - 1);
    return wanted;
  }
  double cpu_time() const { return static_cast<double>(state().total_cpu_time); }

 private:
  int id_ = -1;
  std::vector<pid_t> children_;
};

class Scheduling : public testing::Test {
 protected:
  void SetUp() override {
    if (cid() < 0 && errno == ENOSYS) GTEST_SKIP() << "no containers here";
  }
  // What each box used during `time`.
  static std::vector<double> used(const std::vector<SchedulingBox*>& boxes, double time) {
    std::vector<double> amounts;
    for (const SchedulingBox* box : boxes) amounts.push_back(-box->cpu_time());
    sleep_for(time);
    for (std::size_t i = 0; i < boxes.size(); ++i) amounts[i] += boxes[i]->cpu_time();
    return amounts;
  }
};

}  // namespace cv6::guest
