// Signal sets, the order in which pending signals are taken, dispositions, and how a status is encoded.
#include <gtest/gtest.h>

#include <sys/wait.h>

#include <deque>
#include <map>
#include <random>

#include "support/machine.hpp"
#include "task/pending_signals.hpp"
#include "task/process.hpp"
#include "task/signal_handlers.hpp"

namespace cv6 {
namespace {

using PendingSignalsTest = test::MachineTest;
using SignalHandlersTest = test::MachineTest;

SignalInfo info_of(int number, std::uint64_t value = 0, SignalInfo::Kind kind = SignalInfo::Kind::queued) {
  SignalInfo info;
  info.number = number;
  info.kind = kind;
  info.value = value;
  return info;
}

TEST(SignalSet, BitsAreThoseOfTheKernel) {
  const SignalSet set = SignalSet::of(1, 9, 64);
  EXPECT_EQ(set.bits(), 1u | 1u << 8 | 1ull << 63);
  EXPECT_EQ(set.first(), 1);
  EXPECT_TRUE(set.contains(64));
  EXPECT_FALSE(set.contains(2));
  EXPECT_EQ((set - SignalSet::of(1)).first(), 9);
}

TEST_F(PendingSignalsTest, StandardOnesArePendingOnce) {
  PendingSignals pending;
  EXPECT_TRUE(pending.add(info_of(10, 1), nullptr, 0));
  EXPECT_TRUE(pending.add(info_of(10, 2), nullptr, 0));
  std::optional<SignalInfo> info;
  ASSERT_TRUE(info = pending.take({}));
  EXPECT_EQ(info->value, 1u);
  EXPECT_FALSE(pending.take({}));
}

TEST_F(PendingSignalsTest, RealTimeOnesQueueInOrder) {
  PendingSignals pending;
  for (std::uint64_t i = 0; i < 5; ++i) EXPECT_TRUE(pending.add(info_of(40 - static_cast<int>(i % 2), i), nullptr, 0));
  std::optional<SignalInfo> info;
  for (const std::uint64_t expected : {1, 3, 0, 2, 4}) {
    ASSERT_TRUE(info = pending.take({}));
    EXPECT_EQ(info->value, expected);
  }
  EXPECT_TRUE(pending.set().empty());
}

TEST_F(PendingSignalsTest, SynchronousOnesComeFirst) {
  PendingSignals pending;
  EXPECT_TRUE(pending.add(info_of(1), nullptr, 0));
  EXPECT_TRUE(pending.add(info_of(signal::segmentation), nullptr, 0));
  std::optional<SignalInfo> info;
  ASSERT_TRUE(info = pending.take({}));
  EXPECT_EQ(info->number, signal::segmentation);
}

TEST_F(PendingSignalsTest, ThoseOfATimerGoWithIt) {
  QueuedSignal timers[4];
  PendingSignals pending;
  for (int i = 0; i < 4; ++i) {
    timers[i].of_timer = true;
    timers[i].info = info_of(40 + i % 3, static_cast<std::uint64_t>(i), SignalInfo::Kind::timer);
  }
  EXPECT_TRUE(pending.add(info_of(41, 7), nullptr, 0));
  for (QueuedSignal& timer : timers) pending.add(timer);
  EXPECT_EQ(pending.set(), SignalSet::of(40, 41, 42));
  pending.discard_of_timer(timers[0]);
  pending.discard_of_timer(timers[0]);
  EXPECT_EQ(pending.set(), SignalSet::of(40, 41, 42));  // there is another one of 40
  pending.discard_of_timer(timers[2]);
  EXPECT_EQ(pending.set(), SignalSet::of(40, 41));
  pending.add(timers[2]);
  pending.discard_of_timers();
  EXPECT_EQ(pending.set(), SignalSet::of(41));
  ASSERT_EQ(pending.take({})->value, 7u);
  EXPECT_TRUE(pending.set().empty());
}

TEST_F(PendingSignalsTest, ThoseOfTimersArePendingOnceEach) {
  QueuedSignal timers[2];
  PendingSignals pending;
  for (QueuedSignal& timer : timers) {
    timer.of_timer = true;
    timer.info = info_of(signal::alarm, 1, SignalInfo::Kind::timer);
    pending.add(timer);
    pending.add(timer);
  }
  EXPECT_TRUE(pending.add(info_of(signal::alarm), nullptr, 0));
  EXPECT_TRUE(pending.take({}));
  EXPECT_TRUE(pending.take({}));
  EXPECT_FALSE(pending.take({}));
  pending.add(timers[0]);
  EXPECT_TRUE(pending.take({}));
}

TEST_F(PendingSignalsTest, BlockedOnesStay) {
  PendingSignals pending;
  EXPECT_TRUE(pending.add(info_of(10), nullptr, 0));
  EXPECT_FALSE(pending.take(SignalSet::of(10)));
  EXPECT_TRUE(pending.take(SignalSet::of(11)));
}

TEST_F(PendingSignalsTest, OverTheLimitTheInformationIsLostOrTheSenderTold) {
  UserAccount account({nullptr, 0});
  PendingSignals pending;
  EXPECT_TRUE(pending.add(info_of(40, 1), &account, 1));
  EXPECT_EQ(account.queued_signals, 1u);
  EXPECT_EQ(pending.add(info_of(40, 2), &account, 1).error(), Error::again);
  EXPECT_TRUE(pending.add(info_of(10, 7), &account, 1));
  std::optional<SignalInfo> info;
  ASSERT_TRUE(info = pending.take(SignalSet::of(40)));
  EXPECT_EQ(info->number, 10);
  EXPECT_EQ(info->value, 0u);
  ASSERT_TRUE(info = pending.take({}));
  EXPECT_EQ(account.queued_signals, 0u);
}

TEST_F(PendingSignalsTest, AgainstAModel) {
  std::mt19937 random(7);
  PendingSignals pending;
  std::map<int, std::deque<std::uint64_t>> model;
  for (std::uint64_t step = 0; step < 20'000; ++step) {
    const int number = 1 + static_cast<int>(random() % 64);
    switch (random() % 4) {
      case 0:
      case 1:
        ASSERT_TRUE(pending.add(info_of(number, step), nullptr, 0));
        if (number >= 32 || model[number].empty()) model[number].push_back(step);
        break;
      case 2: {
        const SignalSet blocked(random() | static_cast<std::uint64_t>(random()) << 32);
        int expected = 0;
        for (int n = 64; n >= 1; --n)
          if (!model[n].empty() && !blocked.contains(n)) expected = n;
        for (int n = 64; n >= 1; --n)
          if (!model[n].empty() && !blocked.contains(n) && signal::synchronous.contains(n)) expected = n;
        const std::optional<SignalInfo> info = pending.take(blocked);
        ASSERT_EQ(info.has_value(), expected != 0);
        if (!expected) break;
        EXPECT_EQ(info->number, expected);
        EXPECT_EQ(info->value, model[expected].front());
        model[expected].pop_front();
        break;
      }
      case 3:
        if (random() % 8) break;
        pending.discard(SignalSet::of(number));
        model[number].clear();
        break;
    }
    for (int n = 1; n <= 64; ++n) ASSERT_EQ(pending.set().contains(n), !model[n].empty());
  }
}

TEST_F(SignalHandlersTest, ResetKeepsWhatIsIgnored) {
  auto handlers = *SignalHandlers::create();
  SignalAction action = {};
  action.handler = 0x1234;
  action.flags = SignalAction::restart;
  handlers->set(2, action);
  action.handler = SignalAction::ignore_handler;
  handlers->set(3, action);
  auto copy = *handlers->copy();
  EXPECT_EQ(copy->get(2).handler, 0x1234u);
  copy->reset();
  EXPECT_EQ(copy->get(2).handler, SignalAction::default_handler);
  EXPECT_EQ(copy->get(2).flags, 0u);
  EXPECT_EQ(copy->get(3).handler, SignalAction::ignore_handler);
  EXPECT_EQ(handlers->get(2).handler, 0x1234u);
}

TEST_F(SignalHandlersTest, OneShotHandlersAreTaken) {
  auto handlers = *SignalHandlers::create();
  SignalAction action = {};
  action.handler = 0x1234;
  action.flags = SignalAction::reset_handler;
  handlers->set(2, action);
  EXPECT_EQ(handlers->take_for_delivery(2).handler, 0x1234u);
  EXPECT_EQ(handlers->take_for_delivery(2).handler, SignalAction::default_handler);
}

TEST_F(SignalHandlersTest, WhatIsIgnored) {
  auto handlers = *SignalHandlers::create();
  EXPECT_TRUE(handlers->ignores(signal::child));
  EXPECT_TRUE(handlers->ignores(signal::window));
  EXPECT_FALSE(handlers->ignores(signal::terminate));
  EXPECT_FALSE(handlers->ignores(signal::continue_));
}

TEST(WaitStatus, AsTheMacrosReadIt) {
  const int exited = WaitStatus{WaitStatus::Kind::exited, 42}.encode();
  EXPECT_TRUE(WIFEXITED(exited));
  EXPECT_EQ(WEXITSTATUS(exited), 42);
  const int killed = WaitStatus{WaitStatus::Kind::killed, 11, true}.encode();
  EXPECT_TRUE(WIFSIGNALED(killed));
  EXPECT_EQ(WTERMSIG(killed), 11);
  EXPECT_TRUE(WCOREDUMP(killed));
  const int stopped = WaitStatus{WaitStatus::Kind::stopped, 19}.encode();
  EXPECT_TRUE(WIFSTOPPED(stopped));
  EXPECT_EQ(WSTOPSIG(stopped), 19);
  EXPECT_TRUE(WIFCONTINUED((WaitStatus{WaitStatus::Kind::continued}.encode())));
}

TEST(AlternateStack, WhichPointersAreOnIt) {
  AlternateStack stack{0x1000, 0x1000, 0};
  EXPECT_FALSE(stack.contains(0x1000));  // nothing is left of it then
  EXPECT_TRUE(stack.contains(0x1001));
  EXPECT_TRUE(stack.contains(0x2000));   // empty
  EXPECT_FALSE(stack.contains(0x2001));
  EXPECT_FALSE(AlternateStack().contains(0));
}

}  // namespace
}  // namespace cv6
