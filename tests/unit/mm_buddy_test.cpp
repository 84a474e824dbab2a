// The buddy system on Frames of its own, against a model: which frames are taken, and by which block.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "mm/buddy.hpp"

namespace cv6 {
namespace {

class BuddyTest : public testing::Test {
 protected:
  explicit BuddyTest(std::uint32_t count = 20000) : frames_(count) { buddy_.initialise(frames_.data(), count); }
  std::uint32_t number(const Frame* frame) const { return static_cast<std::uint32_t>(frame - frames_.data()); }

  std::vector<Frame> frames_;
  Buddy buddy_;
};

TEST_F(BuddyTest, EmptyGivesNothing) {
  for (unsigned order = 0; order <= Buddy::max_order; ++order) EXPECT_EQ(buddy_.take(order), nullptr);
  EXPECT_EQ(buddy_.free_frames(), 0u);
}

TEST_F(BuddyTest, AddsRangesWithAnyEnds) {
  buddy_.add(1, 20000);
  EXPECT_EQ(buddy_.free_frames(), 19999u);
  std::uint32_t taken = 0;
  while (buddy_.take(0)) ++taken;
  EXPECT_EQ(taken, 19999u);
  EXPECT_EQ(buddy_.free_frames(), 0u);
}

TEST_F(BuddyTest, MergesBackToLargestBlocks) {
  buddy_.add(1024, 1024 + 4096);
  std::vector<Frame*> taken;
  while (Frame* frame = buddy_.take(0)) {
    frame->use = FrameUse::kernel;
    taken.push_back(frame);
  }
  std::shuffle(taken.begin(), taken.end(), std::mt19937(1));
  for (Frame* frame : taken) buddy_.give(frame, 0);
  for (int i = 0; i < 4; ++i) EXPECT_NE(buddy_.take(Buddy::max_order), nullptr);
  EXPECT_EQ(buddy_.take(0), nullptr);
}

TEST_F(BuddyTest, RandomTakesAndGivesNeverOverlap) {
  buddy_.add(3, 15001);
  std::mt19937 random(7);
  std::map<std::uint32_t, unsigned> blocks;  // first frame -> order
  std::uint64_t in_use = 0;
  for (int step = 0; step < 200000; ++step) {
    if (random() % 2 || blocks.empty()) {
      const unsigned order = random() % 100 < 90 ? random() % 3 : random() % (Buddy::max_order + 1);
      Frame* frame = buddy_.take(order);
      if (!frame) continue;
      const std::uint32_t first = number(frame);
      frame->use = FrameUse::kernel;
      ASSERT_EQ(first % (1u << order), 0u);
      ASSERT_GE(first, 3u);
      ASSERT_LE(first + (1u << order), 15001u);
      const auto next = blocks.lower_bound(first);
      if (next != blocks.end()) ASSERT_LE(first + (1u << order), next->first);
      if (next != blocks.begin()) ASSERT_LE(std::prev(next)->first + (1u << std::prev(next)->second), first);
      blocks[first] = order;
      in_use += 1u << order;
    } else {
      auto victim = blocks.lower_bound(random() % 15001);
      if (victim == blocks.end()) victim = blocks.begin();
      buddy_.give(&frames_[victim->first], victim->second);
      in_use -= 1u << victim->second;
      blocks.erase(victim);
    }
    ASSERT_EQ(buddy_.free_frames(), 15001 - 3 - in_use);
  }
  for (const auto& [first, order] : blocks) buddy_.give(&frames_[first], order);
  EXPECT_EQ(buddy_.free_frames(), 15001u - 3);
}

// Processors that give neighbours back look at it as soon as the lock is released.
TEST_F(BuddyTest, ATakenBlockDoesNotLookFree) {
  buddy_.add(1024, 2048);
  for (unsigned order = 0; order < Buddy::max_order; ++order) EXPECT_FALSE(buddy_.take(order)->is(FrameUse::free));
}

// What boot relies on: handing over free memory looks at few Frames, so most need not be initialised.
TEST_F(BuddyTest, AddTouchesOnlyBlocks) {
  for (Frame& frame : frames_) frame.slot = 0xabcd;
  buddy_.add(1024, 16384);
  std::size_t touched = 0;
  for (const Frame& frame : frames_) touched += frame.use != FrameUse::reserved;
  EXPECT_LE(touched, 15u);
}

}  // namespace
}  // namespace cv6
