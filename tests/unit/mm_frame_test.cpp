// The frame allocator: counts, contents, batches, processors that take and give at the same time.
#include <algorithm>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "arch/target/simulation.hpp"
#include "support/machine.hpp"

namespace cv6 {
namespace {

class FrameTest : public test::MachineTest {
 protected:
  void SetUp() override {
    MachineTest::SetUp();
    free_before_ = frames::counts().free;
  }
  void TearDown() override {
    EXPECT_EQ(frames::counts().free, free_before_);
    MachineTest::TearDown();
  }
  std::uint64_t free_before_ = 0;
};

bool all_bytes_are(const Frame& frame, unsigned char value) {
  const auto* bytes = static_cast<const unsigned char*>(frame.data());
  for (std::size_t i = 0; i < page_size << frame.order; ++i)
    if (bytes[i] != value) return false;
  return true;
}

TEST_F(FrameTest, TakenFramesAreAsAsked) {
  const auto frame = frames::take(0, FrameUse::user_page, Fill::zero);
  ASSERT_TRUE(frame);
  EXPECT_EQ((*frame)->users, 1u);
  EXPECT_EQ((*frame)->use, FrameUse::user_page);
  EXPECT_EQ((*frame)->owner, nullptr);
  EXPECT_TRUE(all_bytes_are(**frame, 0));
  EXPECT_EQ(Frame::of((*frame)->physical()), *frame);
  EXPECT_EQ(Frame::of((*frame)->data()), *frame);
  EXPECT_EQ(frames::counts().free, free_before_ - 1);
  std::memset((*frame)->data(), 0x5a, page_size);
  frames::give(*frame);
  const auto again = frames::take(0, FrameUse::kernel, Fill::zero);
  ASSERT_TRUE(again);
  EXPECT_TRUE(all_bytes_are(**again, 0));
  frames::give(*again);
}

TEST_F(FrameTest, ZeroFramesAreHandedOnAsTheyAre) {
  Frame* frame = *frames::take(0, FrameUse::page_table, Fill::zero);
  frames::give(frame, Fill::zero);
  const auto again = frames::take(0, FrameUse::user_page, Fill::zero);
  EXPECT_EQ(*again, frame);
  EXPECT_TRUE(all_bytes_are(**again, 0));
  std::memset(frame->data(), 1, page_size);
  frames::give(frame, Fill::zero);  // which is not true
  EXPECT_DEATH((void)frames::take(0, FrameUse::user_page, Fill::zero), "broken invariant");
  std::memset(frame->data(), 0, page_size);
}

TEST_F(FrameTest, LastUserGivesBack) {
  FrameRef first = FrameRef::adopt(*frames::take(0, FrameUse::kernel, Fill::garbage));
  {
    const FrameRef second = first;
    EXPECT_TRUE(first->shared());
  }
  EXPECT_FALSE(first->shared());
  EXPECT_EQ(frames::counts().free, free_before_ - 1);
}

TEST_F(FrameTest, TooLargeIsRefused) { EXPECT_FALSE(frames::take(11, FrameUse::kernel, Fill::garbage)); }

TEST_F(FrameTest, EverythingCanBeTakenAndComesBack) {
  std::vector<Frame*> taken;
  for (unsigned order : {3u, 0u})
    while (const auto frame = frames::take(order, FrameUse::kernel, Fill::garbage)) taken.push_back(*frame);
  EXPECT_EQ(frames::counts().free, 0u);
  EXPECT_EQ(frames::take(0, FrameUse::kernel, Fill::garbage).error(), Error::nomem);
  std::shuffle(taken.begin(), taken.end(), std::mt19937(3));
  for (Frame* frame : taken) frames::give(frame);
}

TEST_F(FrameTest, GivingTwiceIsNoticed) {
  Frame* frame = *frames::take(0, FrameUse::kernel, Fill::garbage);
  frames::give(frame);
  EXPECT_DEATH(frames::give(frame), "broken invariant");
}

TEST_F(FrameTest, ReservedPagesCanBeFreedAndAdopted) {
  const frames::Range pages{0x4000, 0x6000};
  for (std::uint32_t number : {4u, 5u, 6u}) ASSERT_EQ(Frame::numbered(number)->use, FrameUse::reserved);
  FrameRef adopted = frames::adopt_reserved(0x6000, GuestMemory::host());
  EXPECT_EQ(adopted->use, FrameUse::file_page);
  EXPECT_EQ(adopted->owner, &GuestMemory::host());
  frames::free_reserved(pages);
  EXPECT_EQ(frames::counts().free, free_before_ + 2);
  free_before_ += 3;
}

TEST_F(FrameTest, ZeroPageIsSharedAndStays) {
  const FrameRef zero = frames::zero_page();
  EXPECT_TRUE(zero->shared());
  EXPECT_TRUE(all_bytes_are(*zero.get(), 0));
}

// Each writes its number into the pages that it holds and must find it there.
TEST_F(FrameTest, ProcessorsDoNotGetInEachOthersWay) {
  std::vector<std::thread> threads;
  for (unsigned cpu = 0; cpu < 4; ++cpu)
    threads.emplace_back([cpu] {
      arch::simulation::use_cpu(cpu);
      std::mt19937 random(cpu);
      std::vector<Frame*> mine;
      for (int step = 0; step < 20000; ++step) {
        if (mine.size() < 100 && random() % 2) {
          const auto frame = frames::take(random() % 3, FrameUse::kernel, Fill::garbage);
          ASSERT_TRUE(frame);
          *static_cast<unsigned*>((*frame)->data()) = cpu;
          mine.push_back(*frame);
        } else if (!mine.empty()) {
          std::swap(mine[random() % mine.size()], mine.back());
          ASSERT_EQ(*static_cast<unsigned*>(mine.back()->data()), cpu);
          frames::give(mine.back());
          mine.pop_back();
        }
      }
      for (Frame* frame : mine) frames::give(frame);
    });
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace cv6
