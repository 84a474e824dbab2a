// Which pages of a file are charged, against a set; and charges in a tree of accounts.
#include "vm/disk_account.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "mm/allocation_failures.hpp"
#include "support/machine.hpp"

namespace cv6 {
namespace {

class DiskAccountTest : public test::MachineTest {
 protected:
  void SetUp() override {
    test::start_machine();
    MachineTest::SetUp();
  }
  static std::uint64_t pages(DiskAccount& account) { return account.counter().counts().current / page_size; }
};

TEST_F(DiskAccountTest, ChargedPagesAreASet) {
  std::mt19937 random(1);
  const Ref<DiskAccount> account = *DiskAccount::create({});
  {
    ChargedPages charged(account);
    std::set<std::uint64_t> expected;
    for (int step = 0; step < 4000; ++step) {
      const std::uint64_t index = random() % 5000;
      if (random() % 8) {
        bool added;
        ASSERT_TRUE(charged.add(index, added));
        ASSERT_EQ(added, expected.insert(index).second);
      } else {
        const std::uint64_t last = random() % 4 ? index + random() % 300 : UINT64_MAX;
        charged.remove(index, last);
        expected.erase(expected.lower_bound(index), expected.upper_bound(last));
      }
      ASSERT_EQ(pages(*account), expected.size());
    }
    bool added;
    ASSERT_TRUE(charged.add(UINT64_MAX >> 12, added));
    charged.remove(UINT64_MAX >> 12, UINT64_MAX);
    ASSERT_EQ(pages(*account), expected.size());
  }
  EXPECT_EQ(pages(*account), 0u);
}

TEST_F(DiskAccountTest, ASetThatWasSwappedOutIsUnchargedWhenItGoes) {
  const Ref<DiskAccount> account = *DiskAccount::create({});
  ChargedPages charged(account);
  bool added;
  for (std::uint64_t i = 0; i < 1000; ++i) ASSERT_TRUE(charged.add(i * 1000, added));
  {
    ChargedPages gone(account);
    charged.swap(gone);
    ASSERT_TRUE(charged.add(0, added));
    EXPECT_TRUE(added);
    EXPECT_EQ(pages(*account), 1001u);
  }
  EXPECT_EQ(pages(*account), 1u);
}

TEST_F(DiskAccountTest, EveryLevelCountsAndMayRefuse) {
  const Ref<DiskAccount> outer = *DiskAccount::create({});
  const Ref<DiskAccount> inner = *DiskAccount::create(outer);
  outer->counter().set_limit(3 * page_size);
  ChargedPages mine(outer), below(inner);
  bool added;
  ASSERT_TRUE(mine.add(0, added));
  ASSERT_TRUE(below.add(0, added));
  ASSERT_TRUE(below.add(1, added));
  EXPECT_EQ(pages(*outer), 3u);
  EXPECT_EQ(pages(*inner), 2u);
  const auto refused = below.add(2, added);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Error::dquot);
  EXPECT_FALSE(added);
  EXPECT_EQ(outer->counter().counts().refusals, 1u);
  EXPECT_EQ(inner->counter().counts().refusals, 0u);
  EXPECT_EQ(pages(*inner), 2u);
  mine.remove(0, 0);
  EXPECT_TRUE(below.add(2, added));
}

TEST_F(DiskAccountTest, AFailedAllocationChargesNothing) {
  const Ref<DiskAccount> account = *DiskAccount::create({});
  ChargedPages charged(account);
  bool added;
  allocation_failures::fail_nth(1);
  EXPECT_FALSE(charged.add(7, added));
  allocation_failures::fail_nth(0);
  EXPECT_FALSE(added);
  EXPECT_EQ(pages(*account), 0u);
  EXPECT_TRUE(charged.add(7, added));
}

}  // namespace
}  // namespace cv6
