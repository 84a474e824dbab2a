// How containers share the processors, from the inside of a machine: by what processes got, never by how long it took. A
// virtual processor that its host does not run for a while is charged for that all the same, so these look at the large;
// the unit tests of the scheduler look at the small.
// Skipped where there are no containers.

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "scheduling/scheduling_box.hpp"
#include "support/descriptor.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

TEST_F(Scheduling, FourBusyProcessesGetAsMuchAsTwenty) {
  SchedulingBox few, many;
  few.add_busy_ones(4);
  many.add_busy_ones(20);
  const auto amounts = used({&few, &many}, 0.8 * second);
  EXPECT_NEAR(amounts[0] / (amounts[0] + amounts[1]), 0.5, 0.2);
}

TEST_F(Scheduling, WeightsDivide) {
  SchedulingBox one({.change = ContainerScheduling::weight_only, .weight = 100});
  SchedulingBox four({.change = ContainerScheduling::weight_only, .weight = 400});
  // Enough for each that it could use all processors.
  const int processors = get_nprocs();
  one.add_busy_ones(2 * processors);
  four.add_busy_ones(2 * processors);
  const auto amounts = used({&one, &four}, 0.8 * second);
  EXPECT_NEAR(amounts[1] / (amounts[0] + amounts[1]), 0.8, 0.15);
  EXPECT_EQ(one.change({.change = ContainerScheduling::weight_only, .weight = 0}), -1);
  EXPECT_EQ(errno, EINVAL);
}

TEST_F(Scheduling, QuotasHold) {
  SchedulingBox box({.change = ContainerScheduling::quota_and_period, .quota = 20'000, .period = 100'000});
  box.add_busy_ones(4);
  const double begin = now();
  const double amount = used({&box}, 1.2 * second)[0];
  const double elapsed = now() - begin;
  EXPECT_LT(amount, 0.2 * elapsed + 0.2 * second);
  EXPECT_GT(amount, 0.1 * elapsed);
  EXPECT_GT(box.state().throttled_count, 0u);
  ASSERT_EQ(box.change({.change = ContainerScheduling::quota_and_period}), 0);  // none
  const double before = box.cpu_time();
  EXPECT_TRUE(comes_true([&] { return box.cpu_time() > before + 0.1 * second; }));
}

TEST_F(Scheduling, FrozenProcessesDoNotRunAndCanBeKilled) {
  SchedulingBox box;
  const pid_t first = box.add_busy();
  box.add_busy();
  EXPECT_TRUE(comes_true([&] { return box.state().running + box.state().queued == 2; }));
  ASSERT_EQ(box.set_frozen(true), 0);
  EXPECT_TRUE(comes_true([&] { return box.state().stopped == 2; }));
  ContainerStat stat;
  stat.id = box.id();
  EXPECT_EQ(stat_container(stat), 0);
  EXPECT_EQ(stat.state, ContainerState::frozen);
  const double before = box.cpu_time();
  sleep_for(0.05 * second);
  EXPECT_EQ(box.cpu_time(), before);
  ContainerProcess process;
  process.id = box.id();
  ASSERT_EQ(container_process(process), 0);
  EXPECT_EQ(process.v_state, VirtualState::runnable);
  // A signal that kills does so although the process is frozen; the other one stays as it is.
  ASSERT_EQ(kill(first, SIGKILL), 0);
  EXPECT_TRUE(wait_until([&] { return has_ended(first); }));
  EXPECT_EQ(box.state().stopped, 1u);
  ASSERT_EQ(box.set_frozen(false), 0);
  EXPECT_TRUE(comes_true([&] { return box.cpu_time() > before + 0.02 * second; }));
  ASSERT_EQ(box.set_frozen(true), 0);  // and destroyed like that
}

// A handler is the process's own program, and does not run either: not when the process computes, and not when it sleeps.
TEST_F(Scheduling, SignalsDoNotMakeFrozenProcessesRun) {
  for (const bool sleeps : {false, true}) {
    SchedulingBox box;
    Pipe begun, handled;
    static int handled_descriptor;
    handled_descriptor = handled.write;
    const pid_t child = spawn([&] {
      signal(SIGUSR1, [](int) { (void)!write(handled_descriptor, "x", 1); });
      if (join_container(box.id()) != 0) return 1;
      begun.notify();
      while (true)
        if (sleeps) pause();
      return 0;
    });
    ASSERT_TRUE(begun.wait());
    ASSERT_EQ(box.set_frozen(true), 0);
    if (!sleeps) EXPECT_TRUE(comes_true([&] { return box.state().stopped == 1; }));
    pollfd wait{handled.read, POLLIN, 0};
    for (int i = 0; i < 20; ++i) {
      ASSERT_EQ(kill(child, SIGUSR1), 0);
      EXPECT_EQ(poll(&wait, 1, 5), 0);
    }
    ASSERT_EQ(box.set_frozen(false), 0);
    EXPECT_EQ(poll(&wait, 1, -1), 1);
    ASSERT_EQ(kill(child, SIGKILL), 0);
    reap(child);
  }
}

TEST_F(Scheduling, ASleepingProcessWaits) {
  SchedulingBox box;
  int tell[2];
  ASSERT_EQ(pipe(tell), 0);
  const pid_t child = spawn([&] {
    join_container(box.id());
    char byte;
    return static_cast<int>(read(tell[0], &byte, 1));
  });
  ContainerProcess process;
  const auto waits = [&] {
    process.id = box.id();
    process.after = 0;
    return container_process(process) == 0 && process.v_state == VirtualState::waiting;
  };
  EXPECT_TRUE(comes_true(waits));
  EXPECT_EQ(process.number, child);
  EXPECT_GT(process.decisions, 0u);
  ASSERT_EQ(write(tell[1], "x", 1), 1);
  EXPECT_TRUE(reap(child).exited(1));
  close(tell[0]);
  close(tell[1]);
}

// --- policies --------------------------------------------------------------------------------------------------------

// As in kernel/sched/policy.hpp and lottery.hpp.
std::uint64_t weight_of_nice(int nice) {
  std::uint64_t weight = 1024 << 10;
  for (; nice < 0; ++nice) weight = weight * 5 / 4;
  for (; nice > 0; --nice) weight = weight * 4 / 5;
  return weight >> 10;
}

struct Numbers {
  std::uint64_t state;
  std::uint64_t below(std::uint64_t bound) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (state * 0x2545f4914f6cdd1du >> 24) % bound;
  }
};

class SchedulingPolicy : public Scheduling {
 protected:
  static constexpr int nice_values[] = {5, 0, 10};
  static constexpr std::uint64_t seed = 12345;

  // Three processes that compute on the first processor: the first decisions about them, as indices.
  static std::vector<int> sequence_of(const char* policy) {
    SchedulingBox box(SchedulingBox::with_policy(policy, seed));
    EXPECT_EQ(box.set_frozen(true), 0);
    for (unsigned i = 0; i < 3; ++i) {  // stopped on their way to user mode, one after the other
      box.add_busy(nice_values[i], true);
      EXPECT_TRUE(comes_true([&] { return box.state().stopped == i + 1; }));
    }
    std::vector<int> numbers;
    ContainerProcess process;
    process.id = box.id();
    for (; container_process(process) == 0; process.after = process.number) numbers.push_back(process.number_inside);
    EXPECT_EQ(numbers.size(), 3u);
    EXPECT_EQ(box.change({.change = ContainerScheduling::logging, .log = 1}), 0);
    EXPECT_EQ(box.set_frozen(false), 0);
    std::vector<int> sequence;
    const double enough = now() + 0.6 * second;
    EXPECT_TRUE(comes_true([&] {
      ContainerDecision decisions[64];
      const int count = container_decisions(box.id(), decisions, 64);
      for (int i = 0; i < count; ++i)
        sequence.push_back(static_cast<int>(std::find(numbers.begin(), numbers.end(), decisions[i].process) - numbers.begin()));
      return changes(sequence).size() >= wanted || now() > enough;
    }));
    EXPECT_EQ(box.state().lost_decisions, 0u);
    EXPECT_GT(sequence.size(), 15u);
    return sequence;
  }
  // Without the decisions that let the same one go on.
  static std::vector<int> changes(std::vector<int> sequence) {
    sequence.erase(std::unique(sequence.begin(), sequence.end()), sequence.end());
    return sequence;
  }
  static constexpr std::size_t wanted = 20;
};

TEST_F(SchedulingPolicy, RoundRobinTakesEachInTurn) {
  const auto sequence = changes(sequence_of("round-robin"));
  ASSERT_GT(sequence.size(), 5u);
  for (std::size_t i = 0; i < sequence.size(); ++i) EXPECT_EQ(sequence[i], static_cast<int>(i % 3)) << i;
}

TEST_F(SchedulingPolicy, FifoKeepsTheFirst) { EXPECT_EQ(changes(sequence_of("fifo")), std::vector{0}); }

TEST_F(SchedulingPolicy, PriorityKeepsTheBest) { EXPECT_EQ(changes(sequence_of("priority")), std::vector{1}); }

// By processor time: how often one is chosen depends on who else interrupts it.
TEST_F(SchedulingPolicy, FairGivesMoreToTheLessNice) {
  SchedulingBox box(SchedulingBox::with_policy("fair", seed));
  ASSERT_EQ(box.set_frozen(true), 0);
  for (unsigned i = 0; i < 3; ++i) {
    box.add_busy(nice_values[i], true);
    ASSERT_TRUE(comes_true([&] { return box.state().stopped == i + 1; }));
  }
  const auto times = [&] {
    std::vector<double> times;
    ContainerProcess process;
    process.id = box.id();
    for (; container_process(process) == 0; process.after = process.number) times.push_back(static_cast<double>(process.cpu_time));
    return times;
  };
  ASSERT_EQ(box.set_frozen(false), 0);
  EXPECT_TRUE(comes_true([&] {
    const auto now = times();
    return box.cpu_time() > 0.3 * second && now.at(1) > 1.5 * now.at(0) && now.at(0) > 1.5 * now.at(2);
  }));
}

TEST_F(SchedulingPolicy, LotteryDrawsWhatItsSeedSays) {
  const auto observed = changes(sequence_of("lottery"));
  std::vector<int> queue = {0, 1, 2}, predicted;
  for (Numbers numbers{seed}; predicted.size() < 10 * wanted;) {
    std::uint64_t total = 0;
    for (const int i : queue) total += weight_of_nice(nice_values[i]);
    std::uint64_t number = numbers.below(total);
    std::size_t at = 0;
    while (number >= weight_of_nice(nice_values[queue[at]])) number -= weight_of_nice(nice_values[queue[at++]]);
    const int winner = queue[at];
    predicted.push_back(winner);
    queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(at));
    queue.push_back(winner);
  }
  predicted = changes(predicted);
  const std::size_t common = std::min(observed.size(), predicted.size()) - 1;
  ASSERT_GT(common, 3u);
  for (std::size_t i = 0; i < common; ++i) EXPECT_EQ(observed[i], predicted[i]) << i;
}

TEST_F(SchedulingPolicy, ChangesWhileTheProcessesRun) {
  SchedulingBox box;
  box.add_busy_ones(get_nprocs() + 3);
  for (const char* policy : {"fair", "priority", "lottery", "fifo", "round-robin"}) {
    ASSERT_EQ(box.set_policy(policy), 0) << policy;
    EXPECT_STREQ(box.state().policy, policy);
    const std::uint64_t before = box.state().decisions;
    EXPECT_TRUE(comes_true([&] { return box.state().decisions > before + 5; })) << policy;
  }
  EXPECT_EQ(box.set_policy("best"), -1);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_STREQ(box.state().policy, "round-robin");
}

TEST_F(SchedulingPolicy, TheLogPrintsEachDecision) {
  SchedulingBox box;
  box.add_busy(0, true);
  box.add_busy(0, true);
  int log[2];
  ASSERT_EQ(pipe(log), 0);
  ASSERT_EQ(box.change({.change = ContainerScheduling::logging, .log = 1, .log_to = log[1]}), 0);
  close(log[1]);
  const std::string start = "Container:" + std::to_string(box.id()) + "\tScheduling process:";
  FILE* lines = fdopen(log[0], "r");
  std::vector<std::string> seen;
  char line[128];
  for (int i = 0; i < 6 && fgets(line, sizeof line, lines); ++i) seen.push_back(line);
  ASSERT_EQ(seen.size(), 6u);
  for (const std::string& one : seen) {
    EXPECT_TRUE(one.starts_with(start)) << one;
    EXPECT_EQ(one.back(), '\n');
  }
  EXPECT_EQ(box.change({.change = ContainerScheduling::logging}), 0);
  while (fgets(line, sizeof line, lines)) {
  }
  EXPECT_TRUE(feof(lines));  // nobody has it open any more
  fclose(lines);
}

}  // namespace
}  // namespace cv6::guest
