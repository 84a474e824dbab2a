// Objects that are charged to whoever pays when they are made.
#include "mm/heap.hpp"
#include "mm/payer.hpp"
#include "support/machine.hpp"

namespace cv6 {
namespace {

struct Small : Charged<Small, "test_small"> {
  char bytes[40];
};
struct WithRest : Charged<WithRest, "test_with_rest", 10'000> {
  alignas(64) char bytes[3];
};

class PayerTest : public test::MachineTest {
 protected:
  void TearDown() override {
    payer::set(nullptr);
    memory_ = {};
    MachineTest::TearDown();
  }
  void begin() {
    memory_ = *GuestMemory::create(GuestMemory::host(), 20);
    payer::set(memory_.get());
  }
  std::uint64_t charged() const { return memory_->counters().own_bytes; }
  Ref<GuestMemory> memory_;
};

TEST_F(PayerTest, ObjectsAreChargedToWhoPaysAndGivenBackToHim) {
  begin();
  const auto other = *GuestMemory::create(GuestMemory::host(), 20);
  Own<Small> object(new (std::nothrow) Small);
  ASSERT_TRUE(object);
  EXPECT_EQ(charged(), sizeof(Small) + sizeof(void*));
  payer::set(other.get());
  object.reset();
  EXPECT_EQ(charged(), 0u);
  EXPECT_EQ(other->counters().own_bytes, 0u);
}

TEST_F(PayerTest, WhatTheyHaveBesideIsChargedToo) {
  begin();
  const Own<WithRest> object(new (std::nothrow) WithRest);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(object.get()) % 64, 0u);
  EXPECT_EQ(charged(), sizeof(WithRest) + sizeof(void*) + 10'000);
  EXPECT_EQ(memory_->counters().pages, 3u);
}

TEST_F(PayerTest, AtTheLimitThereIsNoMemory) {
  begin();
  memory_->set_limit(2);
  EXPECT_EQ(new (std::nothrow) WithRest, nullptr);
  EXPECT_EQ(charged(), 0u);
  EXPECT_EQ(memory_->counters().pages, 0u);
}

TEST_F(PayerTest, NobodyPaysWhereNobodyIsSet) {
  begin();
  Own<Small> object;
  {
    const payer::Scope nobody(nullptr);
    object.reset(new (std::nothrow) Small);
  }
  EXPECT_EQ(charged(), 0u);
  EXPECT_EQ(payer::current(), memory_.get());
  object.reset();
  EXPECT_EQ(charged(), 0u);
}

TEST_F(PayerTest, BlocksOfWholeFramesAreCharged) {
  begin();
  void* small = heap::take(100);
  EXPECT_EQ(charged(), 0u);
  void* large = heap::take(3 * page_size);
  EXPECT_EQ(charged(), 4 * page_size);
  payer::set(nullptr);
  heap::give(large);
  EXPECT_EQ(charged(), 0u);
  heap::give(small);
  payer::set(memory_.get());
  EXPECT_EQ(heap::take(32 * page_size), nullptr);
  EXPECT_EQ(charged(), 0u);
}

}  // namespace
}  // namespace cv6
