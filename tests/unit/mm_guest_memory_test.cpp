// Guest-physical memory: numbers, translation, charges up the tree, limits.
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "arch/target/simulation.hpp"
#include "support/machine.hpp"

namespace cv6 {
namespace {

using GuestMemoryTest = test::MachineTest;

Ref<GuestMemory> child_of(GuestMemory& parent, std::uint64_t limit = UINT64_MAX) {
  return *GuestMemory::create(parent, limit);
}

TEST_F(GuestMemoryTest, OfTheHostIsPhysicalMemory) {
  GuestMemory& host = GuestMemory::host();
  const std::uint64_t before = host.counters().pages;
  const FrameRef page = *host.take(FrameUse::user_page, Fill::zero);
  EXPECT_EQ(page->guest_number, page->number());
  EXPECT_EQ(host.frame_at(page->guest_number), page.get());
  EXPECT_EQ(host.counters().pages, before + 1);
}

TEST_F(GuestMemoryTest, NumbersBeginAtZeroAndAreReused) {
  const auto memory = child_of(GuestMemory::host());
  std::vector<FrameRef> pages;
  for (std::uint32_t i = 0; i < 3000; ++i) {
    pages.push_back(*memory->take(FrameUse::user_page, Fill::garbage));
    ASSERT_EQ(pages.back()->guest_number, i);
    ASSERT_EQ(memory->frame_at(i), pages.back().get());
  }
  EXPECT_EQ(memory->frame_at(3000), nullptr);
  pages.erase(pages.begin() + 1234);
  EXPECT_EQ(memory->frame_at(1234), nullptr);
  pages.push_back(*memory->take(FrameUse::user_page, Fill::garbage));
  EXPECT_EQ(pages.back()->guest_number, 1234u);
}

TEST_F(GuestMemoryTest, ChargesEveryLevelAndRefusesAtTheLimit) {
  const auto upper = child_of(GuestMemory::host(), 10);
  const auto lower = child_of(*upper, 100);
  std::vector<FrameRef> pages;
  while (auto page = lower->take(FrameUse::user_page, Fill::garbage)) pages.push_back(*std::move(page));
  EXPECT_EQ(pages.size(), 9u);  // and a page for the table
  EXPECT_EQ(lower->counters().pages, 10u);
  EXPECT_EQ(upper->counters().pages, 10u);
  EXPECT_EQ(upper->counters().refusals, 1u);
  EXPECT_EQ(lower->counters().refusals, 0u);
  EXPECT_EQ(upper->charge(1).error(), Error::nomem);
  upper->set_limit(12);
  EXPECT_TRUE(lower->charge(2));
  EXPECT_EQ(lower->counters().peak_pages, 12u);
  lower->uncharge(2);
  pages.clear();
  EXPECT_EQ(lower->counters().pages, 1u);
  EXPECT_EQ(lower->counters().peak_pages, 12u);
}

TEST_F(GuestMemoryTest, LivesUntilItsLastFrameIsBack) {
  auto memory = child_of(GuestMemory::host());
  FrameRef page = *memory->take(FrameUse::file_page, Fill::garbage);
  const std::uint64_t charged = GuestMemory::host().counters().pages;
  memory = {};
  EXPECT_EQ(test::accounts().objects["guest_memory"], 1u);
  EXPECT_EQ(GuestMemory::host().counters().pages, charged);
  page = {};
  EXPECT_EQ(test::accounts().objects["guest_memory"], 0u);
  EXPECT_EQ(GuestMemory::host().counters().pages, charged - 2);
}

TEST_F(GuestMemoryTest, FailuresLeaveNothing) {
  test::for_each_allocation_failure([] {
    const auto memory = GuestMemory::create(GuestMemory::host(), 100);
    if (!memory) return;
    std::vector<FrameRef> pages;
    for (int i = 0; i < 5; ++i)
      if (auto page = (*memory)->take(FrameUse::user_page, Fill::zero)) pages.push_back(*std::move(page));
    EXPECT_GE(pages.size(), 4u);
  });
}

TEST_F(GuestMemoryTest, BatchesGiveBackToEveryOwner) {
  auto first = child_of(GuestMemory::host());
  auto second = child_of(GuestMemory::host());
  std::vector<Frame*> pages;
  for (int i = 0; i < 200; ++i)
    pages.push_back((i / 7 % 2 ? first : second)->take(FrameUse::user_page, Fill::garbage)->leak());
  pages[3]->hold();
  {
    FrameBatch batch;
    for (Frame* page : pages) batch.release(*page);
  }
  EXPECT_EQ(first->counters().pages, 1u);
  EXPECT_EQ(second->counters().pages, 2u);
  second = {};
  pages[3]->release();
}

TEST_F(GuestMemoryTest, ProcessorsTakeAndGiveAtTheSameTime) {
  const auto memory = child_of(GuestMemory::host(), 300);
  std::vector<std::thread> threads;
  for (unsigned cpu = 0; cpu < 4; ++cpu)
    threads.emplace_back([&, cpu] {
      arch::simulation::use_cpu(cpu);
      std::mt19937 random(cpu);
      std::vector<FrameRef> mine;
      for (int step = 0; step < 10000; ++step) {
        if (random() % 2) {
          if (auto page = memory->take(FrameUse::user_page, Fill::garbage)) mine.push_back(*std::move(page));
        } else if (!mine.empty()) {
          ASSERT_EQ(memory->frame_at(mine.back()->guest_number), mine.back().get());
          mine.pop_back();
        }
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(memory->counters().pages, 1u);
  EXPECT_LE(memory->counters().peak_pages, 301u);
}

TEST_F(GuestMemoryTest, FramesAreFoundInTheOrderOfTheirNumbers) {
  const auto memory = child_of(GuestMemory::host());
  std::vector<FrameRef> pages;
  for (int i = 0; i < 3000; ++i) pages.push_back(*memory->take(FrameUse::user_page, Fill::garbage));
  pages.erase(pages.begin() + 1, pages.begin() + 2500);
  FrameFacts facts;
  std::vector<std::uint32_t> found;
  for (std::uint32_t from = 0; memory->next_frame(from, facts); from = facts.guest_number + 1) {
    found.push_back(facts.guest_number);
    EXPECT_EQ(facts.number, memory->frame_at(facts.guest_number)->number());
    EXPECT_EQ(facts.owner, memory.get());
    EXPECT_EQ(facts.use, FrameUse::user_page);
    EXPECT_EQ(facts.users, 1u);
  }
  ASSERT_EQ(found.size(), pages.size());
  EXPECT_EQ(found[0], 0u);
  EXPECT_EQ(found[1], 2500u);
  EXPECT_FALSE(memory->next_frame(3000, facts));
}

TEST_F(GuestMemoryTest, KnowsWhatItIsBelow) {
  const auto upper = child_of(GuestMemory::host());
  const auto lower = child_of(*upper);
  const auto beside = child_of(GuestMemory::host());
  EXPECT_TRUE(lower->is_or_is_below(*lower));
  EXPECT_TRUE(lower->is_or_is_below(*upper));
  EXPECT_TRUE(lower->is_or_is_below(GuestMemory::host()));
  EXPECT_FALSE(lower->is_or_is_below(*beside));
  EXPECT_FALSE(upper->is_or_is_below(*lower));
}

TEST_F(GuestMemoryTest, BytesAreChargedByThePage) {
  const auto memory = child_of(GuestMemory::host(), 2);
  ASSERT_TRUE(memory->charge_bytes(100));
  EXPECT_EQ(memory->counters().pages, 1u);
  ASSERT_TRUE(memory->charge_bytes(page_size - 100));
  EXPECT_EQ(memory->counters().pages, 1u);
  ASSERT_TRUE(memory->charge_bytes(1));
  EXPECT_EQ(memory->counters().pages, 2u);
  EXPECT_EQ(memory->charge_bytes(page_size).error(), Error::nomem);
  EXPECT_EQ(memory->counters().pages, 2u);
  EXPECT_EQ(memory->counters().own_bytes, page_size + 1);
  EXPECT_EQ(memory->counters().refusals, 1u);
  memory->uncharge_bytes(1);
  EXPECT_EQ(memory->counters().pages, 1u);
  memory->uncharge_bytes(page_size - 100);
  memory->uncharge_bytes(100);
  EXPECT_EQ(memory->counters().pages, 0u);
}

TEST_F(GuestMemoryTest, BytesKeepItFromGoing) {
  auto memory = child_of(GuestMemory::host());
  GuestMemory& there = *memory;
  ASSERT_TRUE(there.charge_bytes(10));
  const std::uint64_t before = GuestMemory::host().counters().pages;
  memory = {};
  EXPECT_EQ(there.counters().own_bytes, 10u);  // the address sanitizer looks
  there.uncharge_bytes(10);
  EXPECT_EQ(GuestMemory::host().counters().pages, before - 1);
}

// Charges that fail among others that do not: in the end nothing is left, and at no time is too little charged.
TEST_F(GuestMemoryTest, BytesOfManyThreadsAtTheLimit) {
  const auto memory = child_of(GuestMemory::host(), 8);
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed)
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      std::vector<std::size_t> held;
      for (int i = 0; i < 20'000; ++i) {
        if (random() % 2 || held.empty()) {
          const std::size_t bytes = 1 + random() % 6000;
          if (memory->charge_bytes(bytes)) held.push_back(bytes);
        } else {
          memory->uncharge_bytes(held.back());
          held.pop_back();
        }
      }
      for (const std::size_t bytes : held) memory->uncharge_bytes(bytes);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(memory->counters().own_bytes, 0u);
  EXPECT_EQ(memory->counters().pages, 0u);
  EXPECT_GT(memory->counters().refusals, 0u);
}

TEST_F(GuestMemoryTest, TheLowestLevelAtItsLimitIsTheOne) {
  const auto upper = child_of(GuestMemory::host(), 100);
  const auto lower = child_of(*upper, 50);
  EXPECT_EQ(lower->level_at_limit(), nullptr);
  ASSERT_TRUE(lower->charge(50));
  EXPECT_EQ(lower->level_at_limit(), lower.get());
  EXPECT_EQ(upper->level_at_limit(), nullptr);
  ASSERT_TRUE(upper->charge(50));
  EXPECT_EQ(lower->level_at_limit(), lower.get());
  lower->uncharge(20);
  ASSERT_TRUE(upper->charge(20));
  EXPECT_EQ(lower->level_at_limit(), upper.get());
  upper->uncharge(70);
  lower->uncharge(30);
}

}  // namespace
}  // namespace cv6
