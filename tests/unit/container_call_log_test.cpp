// The log of system calls: ring, counters, what they cost and what fails.
#include "container/call_log.hpp"

#include "support/machine.hpp"

namespace cv6::test {
namespace {

class CallLogTest : public MachineTest {
 protected:
  Result<void> configure(CallLog::What what, std::uint32_t capacity) {
    return log_.configure({what, capacity}, GuestMemory::host(), [] {});
  }
  void TearDown() override {
    EXPECT_TRUE(configure(CallLog::nothing, 0));
    MachineTest::TearDown();
  }
  void record(std::uint64_t number) {
    arch::UserRegisters registers;
    registers.number = number;
    log_.record(0, CallAbi::linux, registers, 1);
  }
  static CallRecord denied_record(std::uint64_t number) {
    CallRecord record{};
    record.registers.number = number;
    record.what.outcome = CallRecord::Outcome::denied;
    return record;
  }
  // The numbers of the calls from `next` on; what was lost before them.
  std::vector<std::uint64_t> numbers(std::uint64_t next = 0) {
    std::vector<std::uint64_t> found;
    CallRecord record;
    lost_ = 0;
    while (log_.read(next, record, lost_)) found.push_back(record.registers.call_number());
    return found;
  }
  CallLog log_;
  std::uint64_t lost_ = 0;
};

TEST_F(CallLogTest, RecordsInOrder) {
  ASSERT_TRUE(configure(CallLog::records, 16));
  for (std::uint64_t i = 0; i < 5; ++i) record(i);
  EXPECT_EQ(numbers(), (std::vector<std::uint64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(numbers(3), (std::vector<std::uint64_t>{3, 4}));
  EXPECT_EQ(lost_, 0u);
  EXPECT_FALSE(log_.has_record(5));
}

TEST_F(CallLogTest, TheNewestStayAndLossesAreCounted) {
  ASSERT_TRUE(configure(CallLog::records, 10));  // rounded up
  EXPECT_EQ(log_.settings().capacity, 16u);
  for (std::uint64_t i = 0; i < 100; ++i) record(i);
  EXPECT_EQ(numbers().front(), 84u);
  EXPECT_EQ(lost_, 84u);
  EXPECT_EQ(numbers(90).size(), 10u);
  EXPECT_EQ(lost_, 0u);
  EXPECT_EQ(log_.extent().recorded, 100u);
  EXPECT_EQ(log_.extent().lost, 84u);
}

TEST_F(CallLogTest, AnotherCapacityTakesTheNewestFewOver) {
  ASSERT_TRUE(configure(CallLog::records, 128));
  for (std::uint64_t i = 0; i < 100; ++i) record(i);
  ASSERT_TRUE(configure(CallLog::records, 128));
  EXPECT_EQ(numbers().size(), 100u) << "the same capacity changes nothing";
  ASSERT_TRUE(configure(CallLog::records, 1024));
  EXPECT_EQ(numbers().front(), 100 - CallLog::capacity_for_denied);
  EXPECT_EQ(numbers().back(), 99u);
  ASSERT_TRUE(configure(CallLog::records, 16));
  EXPECT_EQ(numbers().front(), 84u);
}

TEST_F(CallLogTest, WithoutARingNothingIsRecorded) {
  record(1);
  EXPECT_TRUE(numbers().empty());
  EXPECT_EQ(configure(CallLog::records, 0).error(), Error::inval);
  EXPECT_EQ(configure(CallLog::records, CallLog::most_capacity + 1).error(), Error::inval);
}

TEST_F(CallLogTest, DeniedCallsGetARing) {
  log_.note_denied(7, denied_record(7), GuestMemory::host());
  EXPECT_EQ(numbers(), std::vector<std::uint64_t>{7});
  EXPECT_EQ(log_.settings().capacity, CallLog::capacity_for_denied);
  ASSERT_TRUE(configure(CallLog::records, 1024));
  EXPECT_EQ(numbers(), std::vector<std::uint64_t>{7}) << "it stays when more is logged";
}

TEST_F(CallLogTest, CountsBeginAnew) {
  CallCount count;
  EXPECT_FALSE(log_.copy_counts(3, std::span(&count, 1)));
  ASSERT_TRUE(configure(CallLog::counts, 0));
  CallRecord call = denied_record(3);
  call.duration = 50;
  log_.note(3, call, CallLog::Ending::success);
  log_.note(3, call, CallLog::Ending::failure);
  log_.note_denied(3, call, GuestMemory::host());
  ASSERT_TRUE(log_.copy_counts(3, std::span(&count, 1)));
  EXPECT_EQ(count.calls, 3u);
  EXPECT_EQ(count.failures, 2u);
  EXPECT_EQ(count.cycles, 100u);
  ASSERT_TRUE(configure(CallLog::nothing, 16));
  EXPECT_TRUE(log_.copy_counts(3, std::span(&count, 1))) << "readable afterwards";
  ASSERT_TRUE(configure(CallLog::counts, 0));
  ASSERT_TRUE(log_.copy_counts(3, std::span(&count, 1)));
  EXPECT_EQ(count.calls, 0u);
}

TEST_F(CallLogTest, WithoutMemoryNothingChanges) {
  Ref<GuestMemory> payer = *GuestMemory::create(GuestMemory::host(), 10);
  ASSERT_TRUE(log_.configure({CallLog::records, 16}, *payer, [] {}));
  EXPECT_EQ(payer->counters().pages, 1u);
  record(5);
  EXPECT_EQ(log_.configure({CallLog::records, 1024}, *payer, [] { FAIL(); }).error(), Error::nomem);
  EXPECT_EQ(log_.configure({CallLog::counts | CallLog::records, 64}, *payer, [] { FAIL(); }).error(), Error::nomem);
  EXPECT_EQ(numbers(), std::vector<std::uint64_t>{5});
  EXPECT_EQ(log_.settings().what, CallLog::records);
  EXPECT_EQ(payer->counters().pages, 1u);
  ASSERT_TRUE(log_.configure({}, *payer, [] {}));
  EXPECT_EQ(payer->counters().pages, 0u);
  // A denied call without memory for a ring is lost, and that is counted.
  payer->set_limit(0);
  log_.note_denied(1, denied_record(1), *payer);
  EXPECT_TRUE(numbers().empty());
  EXPECT_EQ(log_.extent().recorded, 2u);
  EXPECT_EQ(log_.extent().lost, 2u);
}

}  // namespace
}  // namespace cv6::test
