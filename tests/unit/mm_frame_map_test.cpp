// What the pages of a machine are, from ranges as firmware reports them.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "mm/frame_map.hpp"

namespace cv6 {
namespace {

using Range = frames::Range;

std::vector<FrameMap::Part> parts(FrameMap& map) {
  std::vector<FrameMap::Part> pages(map.frame_count(), FrameMap::Part::busy);
  std::uint32_t last = 0;
  map.for_each([&](FrameMap::Part part, std::uint32_t first, std::uint32_t end) {
    EXPECT_LE(last, first);
    EXPECT_LT(first, end);
    last = end;
    for (std::uint32_t page = first; page < end; ++page) pages[page] = part;
  });
  return pages;
}

TEST(FrameMap, PartlyUsablePagesAreNotFree) {
  const Range usable[] = {{0x2800, 0x5800}};
  FrameMap map(usable, {});
  EXPECT_EQ(map.frame_count(), 5u);
  const auto pages = parts(map);
  EXPECT_EQ(pages[2], FrameMap::Part::busy);
  EXPECT_EQ(pages[3], FrameMap::Part::free);
  EXPECT_EQ(pages[4], FrameMap::Part::free);
}

TEST(FrameMap, NoRoomForTheArray) {
  const Range usable[] = {{0x1000, 0x3000}};
  const Range reserved[] = {{0x1000, 0x3000}};
  EXPECT_FALSE(FrameMap(usable, reserved).place_array());
  EXPECT_FALSE(FrameMap({}, {}).place_array());
}

TEST(FrameMap, ArrayIsPlacedOnFreePagesOnly) {
  const Range usable[] = {{0, 0xa0000}, {0x100000, 0x8000000}};
  const Range reserved[] = {{0x100000, 0x400000}, {0x7000000, 0x8000000}};
  FrameMap map(usable, reserved);
  const auto before = parts(map);
  const auto place = map.place_array();
  ASSERT_TRUE(place);
  const auto after = parts(map);
  const std::uint64_t pages = pages_for(map.frame_count() * sizeof(Frame));
  for (std::uint64_t i = 0; i < pages; ++i) {
    EXPECT_EQ(before[(*place >> page_shift) + i], FrameMap::Part::free);
    EXPECT_EQ(after[(*place >> page_shift) + i], FrameMap::Part::busy);
  }
}

TEST(FrameMap, RandomRangesAgainstAMapOfPages) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 500; ++round) {
    constexpr std::uint64_t top = 4096;
    std::vector<Range> usable, reserved;
    const auto range = [&](std::uint64_t longest) {
      const std::uint64_t start = random() % (top * page_size);
      return Range{start, std::min(top * page_size, start + random() % longest)};
    };
    for (std::uint64_t i = 1 + random() % 6; i-- > 0;) usable.push_back(range(4 << 20));
    for (std::uint64_t i = random() % 8; i-- > 0;) reserved.push_back(range(1 << 20));
    FrameMap map(usable, reserved);
    const auto pages = parts(map);
    // A page is free if one merged usable range holds all of it and no reserved range any of it.
    for (std::uint64_t page = 0; page < pages.size(); ++page) {
      bool taken = page == 0;
      for (const Range& one : reserved)
        taken |= one.start < one.end && one.start < (page + 1) * page_size && one.end > page * page_size;
      bool memory = false;
      for (const Range& one : usable) memory |= one.start <= page * page_size && one.end >= (page + 1) * page_size;
      ASSERT_EQ(pages[page] == FrameMap::Part::free, memory && !taken) << "page " << page << " round " << round;
    }
  }
}

}  // namespace
}  // namespace cv6
