// The gate: what counts in a tree of containers, and how often the console hears of denied calls.
#include "container/gate.hpp"

#include <sanitizer/lsan_interface.h>

#include "container/manager.hpp"
#include "fs_support.hpp"

namespace cv6::test {
namespace {

using Change = ContainerManager::RuleChange;

constexpr unsigned first = CallSet::bit(CallAbi::linux, 3), second = CallSet::bit(CallAbi::linux, 200);
constexpr unsigned of_xv6 = CallSet::bit(CallAbi::xv6, 3);

CallRules denying(std::initializer_list<unsigned> bits, std::initializer_list<unsigned> fatal = {}) {
  CallRules rules;
  for (const unsigned bit : bits) rules.denied[bit / 64] |= std::uint64_t{1} << bit % 64;
  for (const unsigned bit : fatal) rules.fatal[bit / 64] |= std::uint64_t{1} << bit % 64;
  return rules;
}

CallRules supervising(unsigned bit) {
  CallRules rules;
  rules.supervised[bit / 64] |= std::uint64_t{1} << bit % 64;
  return rules;
}

TEST(CallSetBits, EveryNumberHasOne) {
  EXPECT_EQ(CallSet::bit(CallAbi::linux, 0), 0u);
  EXPECT_EQ(CallSet::bit(CallAbi::linux, 1086), 1086u);
  EXPECT_EQ(CallSet::bit(CallAbi::linux, 1087), 1087u);
  EXPECT_EQ(CallSet::bit(CallAbi::linux, UINT64_MAX), 1087u);
  EXPECT_EQ(CallSet::bit(CallAbi::xv6, 0), 1088u);
  EXPECT_EQ(CallSet::bit(CallAbi::xv6, 99), CallSet::bits - 1);
}

// A tree of containers below a host of the test's own.
class GateTree : public MachineTest {
 protected:
  void SetUp() override {
    start_machine();
    static const bool ready = [] {
      const __lsan::ScopedDisabler kept_for_good;  // held from memory of the simulated machine, where nobody looks
      if (!anonymous::initialise() || !ContainerManager::initialise()) return false;
      static Tree files = Tree::on_tmpfs();
      ContainerManager::host().set_root(files.root());
      return true;
    }();
    ASSERT_TRUE(ready);
    MachineTest::SetUp();
    outer_ = *ContainerManager::create(ContainerManager::host(), {});
    middle_ = *ContainerManager::create(*outer_, {});
    inner_ = *ContainerManager::create(*middle_, {});
  }
  void TearDown() override {
    for (Ref<Container>* container : {&inner_, &middle_, &outer_}) {
      ContainerManager::remove(**container);
      (*container)->let_go();
      *container = nullptr;
    }
    MachineTest::TearDown();
  }
  static CallAction action(const Ref<Container>& container, unsigned bit) { return ContainerManager::call_action(*container, bit); }
  static void change(const Ref<Container>& container, Change how, const CallRules& rules) {
    ASSERT_TRUE(ContainerManager::change_call_rules(*container, how, rules));
  }
  Ref<Container> outer_, middle_, inner_;
};

TEST_F(GateTree, StartsOpen) {
  EXPECT_EQ(inner_->gate().state(), CallGate::open);
  EXPECT_EQ(action(inner_, first), CallAction::allow);
}

TEST_F(GateTree, DenyingIsStricterThanSupervising) {
  change(middle_, Change::tighten, supervising(first));
  EXPECT_EQ(inner_->gate().state(), CallGate::has_policy);
  EXPECT_TRUE(inner_->gate().stops(first));
  EXPECT_EQ(action(inner_, first), CallAction::supervise);
  EXPECT_EQ(action(outer_, first), CallAction::allow);
  change(inner_, Change::tighten, denying({first}));
  EXPECT_EQ(action(inner_, first), CallAction::fail);
  EXPECT_EQ(action(middle_, first), CallAction::supervise);
  change(inner_, Change::loosen, denying({first}));
  EXPECT_EQ(ContainerManager::supervising(*inner_, first), middle_);
  change(inner_, Change::tighten, supervising(first));
  EXPECT_EQ(ContainerManager::supervising(*inner_, first), inner_);
  EXPECT_FALSE(ContainerManager::supervising(*outer_, first));
  change(middle_, Change::replace, {});
  change(inner_, Change::loosen, supervising(first));
  EXPECT_EQ(inner_->gate().state(), CallGate::open);
}

TEST_F(GateTree, WhatIsAboveCountsBelowAndNotTheOtherWay) {
  change(middle_, Change::tighten, denying({first, of_xv6}));
  EXPECT_EQ(outer_->gate().state(), CallGate::open);
  EXPECT_EQ(action(middle_, first), CallAction::fail);
  EXPECT_EQ(action(inner_, first), CallAction::fail);
  EXPECT_EQ(action(inner_, of_xv6), CallAction::fail);
  EXPECT_EQ(action(inner_, second), CallAction::allow);
  EXPECT_EQ(ContainerManager::call_rules(*inner_).own.denied, CallSet::Words{});
}

TEST_F(GateTree, TheStricterActionCounts) {
  change(outer_, Change::replace, denying({first}, {first}));
  change(inner_, Change::replace, denying({first, second}));
  EXPECT_EQ(action(inner_, first), CallAction::kill);
  EXPECT_EQ(action(inner_, second), CallAction::fail);
}

TEST_F(GateTree, LooseningBelowDoesNotHelpAgainstAbove) {
  change(outer_, Change::tighten, denying({first}));
  change(inner_, Change::tighten, denying({first, second}, {second}));
  change(inner_, Change::loosen, denying({first, second}));
  EXPECT_EQ(action(inner_, first), CallAction::fail);
  EXPECT_EQ(action(inner_, second), CallAction::allow);
  change(outer_, Change::loosen, denying({first}));
  EXPECT_EQ(inner_->gate().state(), CallGate::open);
}

TEST_F(GateTree, NewContainersBeginWithWhatIsAbove) {
  change(inner_, Change::tighten, denying({second}));
  Ref<Container> fresh = *ContainerManager::create(*inner_, {});
  EXPECT_EQ(action(fresh, second), CallAction::fail);
  EXPECT_NE(fresh->gate().state() & CallGate::has_policy, 0u);
  ContainerManager::remove(*fresh);
  fresh->let_go();
  EXPECT_FALSE(ContainerManager::change_call_rules(*fresh, Change::replace, {}));
}

TEST(Gate, AnnouncesABurstThenOneASecond) {
  CallGate gate;
  using Notice = CallGate::Notice;
  unsigned lines = 0;
  Nanoseconds now = 100 * nanoseconds_per_second;
  for (unsigned i = 0; i < 100; ++i) {
    const Notice notice = gate.note_denied(now);
    lines += notice != Notice::none;
    EXPECT_EQ(notice == Notice::last_line, lines == 10 && i == 9) << i;
  }
  EXPECT_EQ(lines, 10u);
  EXPECT_EQ(gate.unannounced_calls(), 90u);
  EXPECT_EQ(gate.denied_calls(), 100u);
  EXPECT_EQ(gate.note_denied(now + nanoseconds_per_second), Notice::last_line);
  EXPECT_EQ(gate.note_denied(now + nanoseconds_per_second), Notice::none);
}

}  // namespace
}  // namespace cv6::test
