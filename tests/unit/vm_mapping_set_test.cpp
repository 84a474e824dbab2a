// Finding room between mappings, against a search that looks at every page.
#include <map>
#include <memory>
#include <random>

#include "support/machine.hpp"
#include "vm/mapping_set.hpp"
#include "vm/page_table.hpp"

namespace cv6 {
namespace {

class MappingSetTest : public test::MachineTest {
 protected:
  Mapping& add(std::uintptr_t start, std::uintptr_t end, bool grows_down = false) {
    auto mapping = std::unique_ptr<Mapping>(new (std::nothrow) Mapping(table_));
    mapping->start = start;
    mapping->end = end;
    mapping->grows_down = grows_down;
    set_.insert(*mapping);
    return *(all_[start] = std::move(mapping));
  }
  void TearDown() override {
    all_.clear();
    MachineTest::TearDown();
  }
  // The highest place that is free, and out of reach of a stack next above.
  std::uintptr_t search(std::uint64_t length, std::uintptr_t low, std::uintptr_t high) const {
    for (std::uintptr_t at = high - length; at >= low && at <= high; at -= page_size) {
      const auto next = all_.lower_bound(at);
      const bool before = next == all_.begin() || std::prev(next)->second->end <= at;
      if (before && (next == all_.end() || next->second->guarded_start() >= at + length)) return at;
    }
    return 0;
  }

  PageTable table_;
  MappingSet set_;
  std::map<std::uintptr_t, std::unique_ptr<Mapping>> all_;
};

TEST_F(MappingSetTest, FindsTheHighestFreeRange) {
  std::mt19937_64 random(2);
  constexpr std::uintptr_t low = 0x10000, high = low + 2000 * page_size;
  for (int step = 0; step < 3000; ++step) {
    const std::uintptr_t start = low + random() % 2100 * page_size;
    const std::uintptr_t end = start + (1 + random() % 40) * page_size;
    if (random() % 3 && set_.is_free(start, end)) {
      add(start, end, random() % 8 == 0);
    } else if (Mapping* mapping = set_.first_from(start)) {
      set_.remove(*mapping);
      all_.erase(mapping->start);
    }
    if (step % 10) continue;
    const std::uint64_t length = (1 + random() % 60) * page_size;
    ASSERT_EQ(set_.find_free(length, low, high), search(length, low, high));
  }
}

TEST_F(MappingSetTest, FindsWhatContainsAnAddress) {
  Mapping& first = add(0x10000, 0x12000);
  Mapping& second = add(0x14000, 0x15000);
  EXPECT_EQ(set_.find(0xffff), nullptr);
  EXPECT_EQ(set_.find(0x10000), &first);
  EXPECT_EQ(set_.find(0x11fff), &first);
  EXPECT_EQ(set_.find(0x12000), nullptr);
  EXPECT_EQ(set_.first_from(0x12000), &second);
  EXPECT_EQ(set_.first_from(0x14fff), &second);
  EXPECT_EQ(set_.first_from(0x15000), nullptr);
  set_.remove(first);
  EXPECT_EQ(set_.find(0x10000), nullptr);
}

}  // namespace
}  // namespace cv6
