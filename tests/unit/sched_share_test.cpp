// Level 1: what containers get of the processors, on the virtual machine.
#include <cmath>
#include <random>

#include "support/virtual_machine.hpp"

namespace cv6::test {
namespace {

constexpr Nanoseconds run = 5 * second;

double share_of(const SchedContext& context, const VirtualMachine& machine, Nanoseconds time = run) {
  return static_cast<double>(context.statistics().total_cpu_time) / static_cast<double>(time * machine.cpus());
}

class Shares : public MachineTest, public testing::WithParamInterface<unsigned> {};

TEST_P(Shares, FourBusyThreadsGetAsMuchAsFifty) {
  VirtualMachine machine(GetParam());
  SchedContext &few = machine.context(), &many = machine.context();
  machine.threads(few, 4);
  machine.threads(many, 50);
  machine.run_for(run);
  EXPECT_NEAR(share_of(few, machine), 0.5, 0.01);
  EXPECT_NEAR(share_of(many, machine), 0.5, 0.01);
  EXPECT_EQ(machine.idle_time(), 0);
}

TEST_P(Shares, OneBusyThreadGetsItsShareOrOneProcessor) {
  VirtualMachine machine(GetParam());
  SchedContext &one = machine.context(), &many = machine.context();
  machine.thread(one);
  machine.threads(many, 50);
  machine.run_for(run);
  EXPECT_NEAR(share_of(one, machine), GetParam() == 1 ? 0.5 : 1.0 / GetParam(), 0.01);
  EXPECT_EQ(machine.idle_time(), 0);
}

TEST_P(Shares, FollowWeights) {
  VirtualMachine machine(GetParam());
  SchedContext& host = machine.context();
  SchedContext& one = machine.context(&host, {.weight = 100});
  SchedContext& two = machine.context(&host, {.weight = 200});
  SchedContext& four = machine.context(&host, {.weight = 400});
  machine.threads(one, 5);
  machine.threads(two, 9);
  machine.threads(four, 7);
  machine.run_for(run);
  EXPECT_NEAR(share_of(one, machine), 1.0 / 7, 0.01);
  EXPECT_NEAR(share_of(two, machine), 2.0 / 7, 0.01);
  EXPECT_NEAR(share_of(four, machine), 4.0 / 7, 0.01);
  ASSERT_TRUE(four.set_weight(100));
  const Nanoseconds before = four.statistics().total_cpu_time;
  machine.run_for(run);
  const auto later = static_cast<double>(four.statistics().total_cpu_time - before);
  EXPECT_NEAR(later / static_cast<double>(run * machine.cpus()), 1.0 / 4, 0.01);
  EXPECT_EQ(machine.idle_time(), 0);
}

TEST_P(Shares, AreDividedFurtherBelow) {
  VirtualMachine machine(GetParam());
  SchedContext& host = machine.context();
  SchedContext& alone = machine.context(&host);
  SchedContext& parent = machine.context(&host);
  SchedContext& child = machine.context(&parent, {.weight = 300});
  SchedContext& grandchild = machine.context(&child);
  machine.threads(host, 8);
  machine.threads(alone, 8);
  machine.threads(parent, 8);
  machine.threads(child, 8);
  machine.threads(grandchild, 8);
  machine.run_for(run);
  // Three compete on the host: its own threads, `alone`, `parent`. In `parent`: its own threads and, with three times their
  // weight, `child`; in that: its own threads and `grandchild`.
  EXPECT_NEAR(share_of(alone, machine), 1.0 / 3, 0.01);
  EXPECT_NEAR(share_of(parent, machine), 1.0 / 3, 0.01);
  EXPECT_NEAR(share_of(child, machine), 1.0 / 4, 0.01);
  EXPECT_NEAR(share_of(grandchild, machine), 1.0 / 8, 0.01);
}

TEST_P(Shares, AreNotSavedUpByWhoDoesNotUseThem) {
  VirtualMachine machine(GetParam());
  SchedContext &one = machine.context(), &other = machine.context();
  machine.threads(other, 50);
  machine.run_for(run);
  machine.threads(one, 50);
  machine.run_for(1 * second);
  EXPECT_NEAR(share_of(one, machine, 1 * second), 0.5, 0.03);
}

TEST_P(Shares, OfAContainerThatIsBoundToOneProcessorLeaveTheOthersBusy) {
  VirtualMachine machine(GetParam());
  SchedContext &bound = machine.context(), &free = machine.context();
  for (SimulatedThread* thread : machine.threads(bound, 3)) thread->set_affinity(arch::cpu_bit(0));
  machine.threads(free, 10);
  machine.run_for(run);
  EXPECT_EQ(machine.idle_time(), 0);
  EXPECT_NEAR(share_of(bound, machine), GetParam() == 1 ? 0.5 : 1.0 / GetParam(), 0.01);
}

TEST_P(Shares, QuotasHold) {
  VirtualMachine machine(GetParam());
  SchedContext& host = machine.context();
  SchedContext& limited = machine.context(&host, {.quota = {.time = 20 * millisecond}});
  SchedContext& parent = machine.context(&host, {.quota = {.time = 50 * millisecond}});
  SchedContext& child = machine.context(&parent, {.quota = {.time = 10 * millisecond, .period = 30 * millisecond}});
  machine.threads(limited, 50);
  machine.threads(parent, 3);
  machine.threads(child, 3);
  const bool others = GetParam() == 1;
  if (others) machine.threads(host, 2);
  machine.run_for(run);
  const auto per_period = [](SchedContext& context) {
    return static_cast<double>(context.statistics().total_cpu_time) / static_cast<double>(run / (100 * millisecond));
  };
  EXPECT_NEAR(per_period(limited) / (20.0 * millisecond), 1, 0.01);
  EXPECT_LE(per_period(parent) / (50.0 * millisecond), 1.01);
  EXPECT_LE(per_period(child) / (33.34 * millisecond), 1.01);
  if (!others) {
    EXPECT_NEAR(per_period(parent) / (50.0 * millisecond), 1, 0.01);
  }
  const SchedStatistics now = limited.statistics();
  EXPECT_NEAR(static_cast<double>(now.throttled_count), 50, 2);
  EXPECT_GT(now.throttled_time, run / 2);
  ASSERT_TRUE(limited.set_quota({}));
  machine.settle();
  machine.run_for(1 * second);
  EXPECT_FALSE(limited.statistics().throttled);
  EXPECT_GT(share_of(limited, machine, run + 1 * second) * static_cast<double>(machine.cpus()), 0.2);
}

TEST_P(Shares, WhoHadLessThanItsShareWaitsLessThanASlice) {
  VirtualMachine machine(GetParam());
  SchedContext &quiet = machine.context(), &loud = machine.context();
  std::vector<SimulatedThread*> sleepers =
      machine.threads(quiet, static_cast<int>(GetParam()), {.burst = 1 * millisecond, .pause = 17 * millisecond});
  machine.threads(loud, 50);
  machine.run_for(run);
  for (const SimulatedThread* sleeper : sleepers) EXPECT_LT(sleeper->longest_wait, sched::slice);
}

INSTANTIATE_TEST_SUITE_P(Processors, Shares, testing::Values(1u, 2u, 4u));

using ShareTest = MachineTest;

TEST_F(ShareTest, FollowWeightsOnAProcessorThatTheOthersAreAheadOf) {
  VirtualMachine machine(2);
  SchedContext& host = machine.context();
  SchedContext& one = machine.context(&host, {.weight = 100});
  SchedContext& three = machine.context(&host, {.weight = 300});
  SchedContext& elsewhere = machine.context(&host);
  for (SchedContext* context : {&one, &three}) machine.thread(*context).set_affinity(arch::cpu_bit(1));
  machine.thread(elsewhere).set_affinity(arch::cpu_bit(0));
  machine.run_for(run);
  EXPECT_NEAR(share_of(one, machine), 0.5 / 4, 0.01);
  EXPECT_NEAR(share_of(three, machine), 0.5 * 3 / 4, 0.01);
  EXPECT_NEAR(share_of(elsewhere, machine), 0.5, 0.01);
}

TEST_F(ShareTest, OfContainersThatAreGoneAreForgotten) {
  VirtualMachine machine(1);
  SchedContext& host = machine.context();
  {
    // The last to run, so that no search has found out since that it has nothing queued any more.
    Own<SchedContext> parent = std::move(*SchedContext::create(&host));
    Own<SchedContext> child = std::move(*SchedContext::create(parent.get()));
    SimulatedThread& gone = machine.thread(*child, {.work = 3 * sched::slice});
    machine.run_for(20 * sched::slice);
    ASSERT_TRUE(gone.done);
    child = nullptr;
  }
  SimulatedThread& next = machine.thread(machine.context(&host));
  machine.run_for(run);
  EXPECT_EQ(next.charged_time(), run);
}

TEST_F(ShareTest, TenThousandContainersTakeTurns) {
  VirtualMachine machine(2);
  SchedContext& host = machine.context();
  constexpr int count = 10'000;
  for (int i = 0; i < count; ++i) machine.thread(machine.context(&host));
  for (int decision = 0; decision < 3 * count; ++decision) {
    arch::simulation::set_time(machine.now() + (decision + 1) * millisecond);
    ASSERT_TRUE(machine.queues().choose(0, machine.now() + decision * millisecond));
    machine.queues().charge(0, machine.now() + (decision + 1) * millisecond);
    machine.queues().requeue(0, Policy::Why::slice_over);
  }
  for (auto& thread : machine.all_threads()) EXPECT_EQ(thread->charged_time(), 3 * millisecond);
}

TEST_F(ShareTest, FrozenContainersDoNotRunAndLoseNothing) {
  VirtualMachine machine(2);
  SchedContext& host = machine.context();
  SchedContext& frozen = machine.context(&host);
  SchedContext& below = machine.context(&frozen);
  SchedContext& other = machine.context(&host);
  machine.threads(frozen, 3);
  machine.threads(below, 3);
  machine.threads(frozen, 2, {.burst = 1 * millisecond, .pause = 5 * millisecond});
  machine.threads(other, 1);
  machine.run_for(1 * second);
  frozen.freeze();
  frozen.freeze();
  machine.settle();
  machine.check_invariants();
  const Nanoseconds before = frozen.statistics().total_cpu_time;
  machine.run_for(1 * second);
  machine.check_invariants();
  EXPECT_EQ(frozen.statistics().total_cpu_time, before);
  EXPECT_EQ(frozen.statistics().stopped + below.statistics().stopped, 8u);
  // A signal reaches one of them: it gets as far as the way to user mode, and no further.
  SimulatedThread& signalled = *machine.all_threads().front();
  const std::uint64_t decisions = signalled.decisions();
  machine.interrupt(signalled);
  EXPECT_EQ(signalled.decisions(), decisions + 1);
  EXPECT_TRUE(RunQueues::is_held(signalled));
  frozen.thaw();
  machine.settle();
  machine.run_for(1 * second);
  machine.check_invariants();
  EXPECT_GT(frozen.statistics().total_cpu_time, before + second / 2);
  EXPECT_EQ(frozen.statistics().stopped, 0u);
}

TEST_F(ShareTest, ThreadsMoveBetweenContainersWhatEverTheyDo) {
  VirtualMachine machine(2);
  SchedContext &from = machine.context(), &to = machine.context(nullptr, {.policy = "fair"});
  machine.threads(from, 6);
  machine.run_for(1 * second);
  const Nanoseconds before = from.statistics().cpu_time;
  EXPECT_EQ(before, 2 * second);
  for (auto& thread : machine.all_threads()) sched::move(*thread, to);
  machine.settle();
  machine.run_for(1 * second);
  machine.check_invariants();
  EXPECT_EQ(from.statistics().cpu_time, before);
  EXPECT_EQ(to.statistics().cpu_time, 2 * second);
  EXPECT_EQ(from.statistics().running + from.statistics().queued, 0u);
}

TEST_F(ShareTest, SettingsThatThereAreNotAreRefused) {
  VirtualMachine machine(1);
  EXPECT_EQ(SchedContext::create(nullptr, {.policy = "best"}).error(), Error::inval);
  EXPECT_EQ(SchedContext::create(nullptr, {.weight = 0}).error(), Error::inval);
  EXPECT_EQ(SchedContext::create(nullptr, {.weight = 10'001}).error(), Error::inval);
  EXPECT_EQ(SchedContext::create(nullptr, {.quota = {.time = 1}}).error(), Error::inval);
  SchedContext& context = machine.context();
  EXPECT_EQ(context.set_weight(0).error(), Error::inval);
  EXPECT_EQ(context.set_quota({.time = second, .period = 2 * second}).error(), Error::inval);
}

TEST_F(ShareTest, MemoryThatIsMissingIsReported) {
  VirtualMachine machine(1);
  for_each_allocation_failure([] { (void)SchedContext::create(); });
}

TEST_F(ShareTest, TheLogHoldsWhatWasDecidedAndCountsWhatItLost) {
  VirtualMachine machine(2);
  SchedContext& context = machine.context();
  machine.threads(context, 3);
  ASSERT_TRUE(context.start_log());
  std::vector<int> chosen, logged;
  machine.on_decision = [&](SimulatedThread& thread) { chosen.push_back(thread.id); };
  machine.run_for(20 * sched::slice);
  Decision decision;
  while (context.take_decision(decision)) logged.push_back(decision.process);
  EXPECT_EQ(logged, chosen);
  EXPECT_EQ(context.statistics().lost_decisions, 0u);
  machine.run_for(DecisionLog::capacity * sched::slice);
  EXPECT_GT(context.statistics().lost_decisions, 0u);
  context.stop_log();
  while (context.take_decision(decision)) {
  }
  machine.run_for(20 * sched::slice);
  EXPECT_FALSE(context.take_decision(decision));
}

class RandomScheduling : public MachineTest, public testing::WithParamInterface<unsigned> {};

TEST_P(RandomScheduling, KeepsItsInvariants) {
  std::mt19937 random(GetParam());
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  VirtualMachine machine(1 + below(4));
  std::vector<SchedContext*> contexts = {&machine.context()};
  for (int i = 0; i < 6; ++i) {
    SchedContext* parent = contexts[below(static_cast<unsigned>(contexts.size()))];
    contexts.push_back(&machine.context(parent, {.policy = policy_kinds()[below(5)].name, .weight = 1 + below(1000)}));
  }
  for (int i = 0; i < 25; ++i) {
    Behaviour behaviour;
    if (below(2)) behaviour = {.burst = (1 + below(20)) * millisecond, .pause = (1 + below(30)) * millisecond};
    machine.thread(*contexts[below(7)], behaviour, static_cast<int>(below(40)) - 20);
  }
  for (int step = 0; step < 400; ++step) {
    SchedContext& context = *contexts[1 + below(6)];
    SimulatedThread& thread = *machine.all_threads()[below(25)];
    switch (below(9)) {
      case 0: context.freeze(); break;
      case 1: context.thaw(); break;
      case 2: ASSERT_TRUE(context.set_policy(policy_kinds()[below(5)].name)); break;
      case 3: ASSERT_TRUE(context.set_weight(1 + below(10'000))); break;
      case 4:
        ASSERT_TRUE(context.set_quota({.time = below(3) ? never : (1 + below(50)) * millisecond}));
        break;
      case 5: thread.set_affinity(1 + below((1u << machine.cpus()) - 1)); break;
      case 6: thread.set_nice(static_cast<int>(below(40)) - 20); break;
      case 7: sched::move(thread, context); break;
      case 8: machine.interrupt(thread); break;
    }
    machine.settle();
    machine.check_invariants();
    machine.run_for(below(40) * millisecond);
    machine.settle();
    machine.check_invariants();
    if (HasFailure()) FAIL() << "after step " << step;
  }
  for (SchedContext* context : contexts) {
    context->thaw();
    ASSERT_TRUE(context->set_quota({}));
  }
  machine.settle();
  machine.check_invariants();
  Nanoseconds total = 0;
  for (auto& thread : machine.all_threads()) total += thread->charged_time();
  EXPECT_EQ(total + machine.idle_time(), (machine.now() - second) * machine.cpus());
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomScheduling, testing::Range(1u, 21u));

}  // namespace
}  // namespace cv6::test
