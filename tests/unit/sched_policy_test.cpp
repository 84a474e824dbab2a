// The five policies against models of them: the model knows the rule and a list, the policy knows trees and processors.
#include <algorithm>
#include <deque>

#include "sched/lottery.hpp"
#include "support/virtual_machine.hpp"

namespace cv6::test {
namespace {

// The queue of a model: threads in the order of arrival, by index.
struct Model {
  explicit Model(std::vector<int> nice_values) : nice(std::move(nice_values)), used(nice.size()) {
    for (int i = 0; i < static_cast<int>(nice.size()); ++i) queue.push_back(i);
  }
  virtual ~Model() = default;
  virtual std::size_t pick() = 0;  // an index of the queue
  virtual void put(int thread) { queue.push_back(thread); }

  int take() {
    const std::size_t at = pick();
    const int thread = queue[at];
    queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(at));
    return thread;
  }
  std::vector<int> nice;
  std::vector<std::uint64_t> used;  // slices, weighted where the model does
  std::deque<int> queue;
};

struct RoundRobinModel : Model {
  using Model::Model;
  std::size_t pick() override { return 0; }
};
struct FifoModel : Model {
  using Model::Model;
  std::size_t pick() override { return static_cast<std::size_t>(std::min_element(queue.begin(), queue.end()) - queue.begin()); }
};
struct PriorityModel : Model {
  using Model::Model;
  std::size_t pick() override {
    const auto better = [&](int a, int b) { return nice[static_cast<std::size_t>(a)] < nice[static_cast<std::size_t>(b)]; };
    return static_cast<std::size_t>(std::min_element(queue.begin(), queue.end(), better) - queue.begin());
  }
};
struct FairModel : Model {
  using Model::Model;
  std::size_t pick() override {
    const auto less = [&](int a, int b) { return used[static_cast<std::size_t>(a)] < used[static_cast<std::size_t>(b)]; };
    return static_cast<std::size_t>(std::min_element(queue.begin(), queue.end(), less) - queue.begin());
  }
  void put(int thread) override {
    const auto i = static_cast<std::size_t>(thread);
    used[i] += static_cast<std::uint64_t>(sched::slice) * 1024 / weight_of_nice(nice[i]);
    queue.push_back(thread);
  }
};
struct LotteryModel : Model {
  LotteryModel(std::vector<int> nice_values, std::uint64_t seed) : Model(std::move(nice_values)), numbers(seed) {}
  std::size_t pick() override {
    std::uint64_t total = 0;
    for (const int thread : queue) total += weight_of_nice(nice[static_cast<std::size_t>(thread)]);
    std::uint64_t number = numbers.below(total);
    for (std::size_t at = 0;; ++at) {
      const std::uint64_t tickets = weight_of_nice(nice[static_cast<std::size_t>(queue[at])]);
      if (number < tickets) return at;
      number -= tickets;
    }
  }
  LotteryNumbers numbers;
};

std::unique_ptr<Model> model_of(std::string_view policy, const std::vector<int>& nice, std::uint64_t seed) {
  if (policy == "fair") return std::make_unique<FairModel>(nice);
  if (policy == "priority") return std::make_unique<PriorityModel>(nice);
  if (policy == "lottery") return std::make_unique<LotteryModel>(nice, seed);
  if (policy == "fifo") return std::make_unique<FifoModel>(nice);
  return std::make_unique<RoundRobinModel>(nice);
}

constexpr int decisions = 400;

// All threads compute for ever: at the end of each slice every processor, in order, puts back what it has and takes the next.
std::vector<int> predicted(std::string_view policy, const std::vector<int>& nice, unsigned cpus, std::uint64_t seed) {
  const auto model = model_of(policy, nice, seed);
  std::vector<int> sequence, running;
  for (unsigned cpu = 0; cpu < cpus; ++cpu) sequence.push_back(running.emplace_back(model->take()));
  while (static_cast<int>(sequence.size()) < decisions)
    for (unsigned cpu = 0; cpu < cpus; ++cpu) {
      model->put(running[cpu]);
      sequence.push_back(running[cpu] = model->take());
    }
  sequence.resize(decisions);
  return sequence;
}

std::vector<int> observed(std::string_view policy, const std::vector<int>& nice, unsigned cpus, std::uint64_t seed) {
  VirtualMachine machine(cpus);
  SchedContext& context = machine.context(nullptr, {.policy = policy, .seed = seed});
  std::vector<int> sequence;
  machine.on_decision = [&](SimulatedThread& thread) { sequence.push_back(thread.id); };
  for (const int value : nice) machine.thread(context, {}, value);
  machine.run_for(sched::slice * decisions / cpus + sched::slice);
  sequence.resize(decisions);
  return sequence;
}

class PolicySequence : public MachineTest, public testing::WithParamInterface<unsigned> {};

TEST_P(PolicySequence, IsTheOneThatTheModelPredicts) {
  const std::vector<int> nice = {0, 5, -3, 0, 10, -3, 2};
  std::vector<std::vector<int>> all;
  for (const PolicyKind& kind : policy_kinds()) {
    SCOPED_TRACE(kind.name);
    const std::vector<int> sequence = observed(kind.name, nice, GetParam(), 42);
    EXPECT_EQ(sequence, predicted(kind.name, nice, GetParam(), 42));
    all.push_back(sequence);
  }
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(all[i], all[j]) << i << " and " << j;
}

TEST_P(PolicySequence, OfALotteryFollowsItsSeed) {
  const std::vector<int> nice = {0, 0, 5, -5, 0};
  EXPECT_EQ(observed("lottery", nice, GetParam(), 7), observed("lottery", nice, GetParam(), 7));
  EXPECT_NE(observed("lottery", nice, GetParam(), 7), observed("lottery", nice, GetParam(), 8));
}

INSTANTIATE_TEST_SUITE_P(Processors, PolicySequence, testing::Values(1u, 2u, 4u));

using PolicyTest = MachineTest;

TEST_F(PolicyTest, FifoEndsOneAfterTheOther) {
  VirtualMachine machine(1);
  SchedContext& context = machine.context(nullptr, {.policy = "fifo"});
  std::vector<int> order;
  machine.on_decision = [&](SimulatedThread& thread) {
    if (order.empty() || order.back() != thread.id) order.push_back(thread.id);
  };
  machine.threads(context, 5, {.work = 35 * millisecond});
  machine.run_for(1 * second);
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
}

// Each goes out of the queue and back to where it was, among the others.
TEST_F(PolicyTest, FifoKeepsThePlacesOfThoseThatChange) {
  constexpr int count = 20;
  VirtualMachine machine(1);
  SchedContext& context = machine.context(nullptr, {.policy = "fifo"});
  std::vector<int> order, wanted;
  machine.on_decision = [&](SimulatedThread& thread) {
    if (order.empty() || order.back() != thread.id) order.push_back(thread.id);
  };
  const auto threads = machine.threads(context, count, {.work = 35 * millisecond});
  for (int i = 0; i < count; ++i) wanted.push_back(i);
  std::mt19937 random(1);
  for (int ended = 0; ended < count; ended += 2) {
    machine.run_for(70 * millisecond);
    for (int i = 0; i < 3 * count; ++i) {
      SimulatedThread& one = *threads[random() % count];
      if (!one.done) one.set_nice(static_cast<int>(random() % 20));
    }
    machine.check_invariants();
  }
  EXPECT_EQ(order, wanted);
}

TEST_F(PolicyTest, FairAndLotteryGiveSharesByNice) {
  for (const char* policy : {"fair", "lottery"}) {
    SCOPED_TRACE(policy);
    VirtualMachine machine(1);
    SchedContext& context = machine.context(nullptr, {.policy = policy, .seed = 3});
    SimulatedThread& plain = machine.thread(context, {}, 0);
    SimulatedThread& nicer = machine.thread(context, {}, 5);
    machine.run_for(200 * second);
    const double ratio = static_cast<double>(plain.charged_time()) / static_cast<double>(nicer.charged_time());
    const double wanted = static_cast<double>(weight_of_nice(0)) / weight_of_nice(5);
    EXPECT_NEAR(ratio / wanted, 1, policy == std::string_view("fair") ? 0.01 : 0.1);
  }
}

TEST_F(PolicyTest, ABetterPriorityTakesTheProcessorAtOnce) {
  VirtualMachine machine(2);
  SchedContext& context = machine.context(nullptr, {.policy = "priority"});
  machine.thread(context, {}, 5);
  machine.thread(context, {}, 7);
  SimulatedThread& better = machine.thread(context, {.burst = 2 * millisecond, .pause = 13 * millisecond}, 0);
  machine.run_for(3 * second);
  EXPECT_EQ(better.longest_wait, 0);
  EXPECT_GT(machine.all_threads()[0]->charged_time(), machine.all_threads()[1]->charged_time());
}

TEST_F(PolicyTest, RoundRobinDoesNotPreemptWithinTheContainer) {
  VirtualMachine machine(1);
  SchedContext& context = machine.context();
  machine.thread(context);
  SimulatedThread& sleeper = machine.thread(context, {.burst = 1 * millisecond, .pause = 3 * millisecond});
  machine.run_for(1 * second);
  EXPECT_GT(sleeper.longest_wait, 5 * millisecond);
  EXPECT_LE(sleeper.longest_wait, sched::slice);
}

TEST_F(PolicyTest, BoundThreadsAreFoundAmongManyThatMayNotRun) {
  for (const PolicyKind& kind : policy_kinds()) {
    SCOPED_TRACE(kind.name);
    VirtualMachine machine(2);
    SchedContext& context = machine.context(nullptr, {.policy = kind.name, .seed = 5});
    for (SimulatedThread* thread : machine.threads(context, 300)) thread->set_affinity(arch::cpu_bit(0));
    SimulatedThread& alone = machine.thread(context);
    alone.set_affinity(arch::cpu_bit(1));
    machine.run_for(1 * second);
    EXPECT_EQ(alone.charged_time(), 1 * second);
    EXPECT_EQ(machine.idle_time(), 0);
  }
}

TEST_F(PolicyTest, ChangingItMovesTheQueueInItsOrder) {
  VirtualMachine machine(1);
  SchedContext& context = machine.context();
  std::vector<int> order;
  machine.threads(context, 4);
  machine.run_for(sched::slice * 5 / 2);  // 0 and 1 had a slice, 2 runs, 3 0 1 wait
  machine.on_decision = [&](SimulatedThread& thread) { order.push_back(thread.id); };
  ASSERT_TRUE(context.set_policy("fifo"));
  machine.run_for(sched::slice * 3);
  ASSERT_FALSE(order.empty());
  EXPECT_EQ(order.front(), 3);
  EXPECT_EQ(order.back(), 3);
  order.clear();
  for (const PolicyKind& kind : policy_kinds()) {
    ASSERT_TRUE(context.set_policy(kind.name));
    machine.run_for(sched::slice * 7);
    machine.check_invariants();
  }
  EXPECT_EQ(context.statistics().policy, policy_kinds().back().name);
  EXPECT_EQ(context.set_policy("no-such").error(), Error::inval);
}

}  // namespace
}  // namespace cv6::test
