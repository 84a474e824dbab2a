// Several processors in one address space and one file at the same time: faults, writes through the file, twins.
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "arch/target/simulation.hpp"
#include "support/user.hpp"

namespace cv6 {
namespace {

constexpr unsigned processors = 4;

template <class Body>
void on_each_processor(Body body) {
  std::vector<std::thread> threads;
  for (unsigned cpu = 0; cpu < processors; ++cpu)
    threads.emplace_back([&body, cpu] {
      arch::simulation::use_cpu(cpu);
      body(cpu);
      test::run_in(nullptr);
    });
  for (auto& thread : threads) thread.join();
}

using ConcurrencyTest = test::MachineTest;

// All write to their own word of the same pages: one of the pages that they make must win, and no word may be lost.
TEST_F(ConcurrencyTest, FaultsOnTheSamePagesLoseNothing) {
  for (int round = 0; round < 20; ++round) {
    auto space = *AddressSpace::create(Ref<GuestMemory>(&GuestMemory::host()));
    const auto at = *space->map({.length = 200 * page_size, .protection = test::read_write});
    on_each_processor([&](unsigned cpu) {
      test::run_in(space.get());
      for (std::uintptr_t page = 0; page < 200; ++page)
        EXPECT_TRUE(test::store(at + page * page_size + cpu * 8, page + cpu));
    });
    test::run_in(space.get());
    for (std::uintptr_t page = 0; page < 200; ++page)
      for (unsigned cpu = 0; cpu < processors; ++cpu)
        ASSERT_EQ(test::load(at + page * page_size + cpu * 8), page + cpu);
    EXPECT_EQ(space->usage().resident_pages, 200u);
    test::run_in(nullptr);
  }
}

// Twins that are written to at the same time: each sees its own values only.
TEST_F(ConcurrencyTest, TwinsOfOneFileStayApart) {
  const auto original = test::TestFile::create(300);
  for (std::uint64_t i = 0; i < 300; ++i) ASSERT_TRUE(original->write(i, i));
  std::vector<std::unique_ptr<PageCache>> twins;
  for (unsigned cpu = 0; cpu < processors; ++cpu) {
    twins.push_back(std::make_unique<PageCache>(Ref<GuestMemory>(&GuestMemory::host())));
    ASSERT_TRUE(twins.back()->share_from(original->cache()));
  }
  on_each_processor([&](unsigned cpu) {
    std::mt19937 random(cpu);
    for (int step = 0; step < 3000; ++step) {
      const std::uint64_t index = random() % 300;
      const auto page = twins[cpu]->writable(index);
      ASSERT_TRUE(page);
      auto* words = static_cast<std::uint64_t*>(page->data());
      ASSERT_EQ(words[0], index);
      ASSERT_TRUE(words[1] == 0 || words[1] == cpu + 1);
      words[1] = cpu + 1;
      if (step % 500 == 0) twins[cpu]->truncate(250 + random() % 50);
      for (std::uint64_t i = 250; step % 500 == 0 && i < 300; ++i)
        *static_cast<std::uint64_t*>(twins[cpu]->writable(i)->data()) = i;
    }
  });
}

// While two processors read a file through a mapping, others cut it off and fill it again.
TEST_F(ConcurrencyTest, TruncationReachesThoseWhoAreMappingPages) {
  auto space = *AddressSpace::create(Ref<GuestMemory>(&GuestMemory::host()));
  const auto file = test::TestFile::create(64);
  const auto at = *space->map(
      {.length = 64 * page_size, .sharing = Mapping::Sharing::shared, .protection = test::read_only, .object = file});
  std::atomic<bool> done{false};
  on_each_processor([&](unsigned cpu) {
    std::mt19937 random(cpu);
    if (cpu == 0) {
      for (int round = 0; round < 500; ++round) {
        file->cache().truncate(random() % 64);
        for (std::uint64_t i = 0; i < 64; ++i) (void)file->cache().writable(i);
      }
      done = true;
      return;
    }
    while (!done)
      EXPECT_EQ(space->fault(at + random() % 64 * page_size, arch::Fault::Access::read), FaultOutcome::resolved);
  });
  // What is mapped is what the file has, or its holes.
  for (std::uint64_t i = 0; i < 64; ++i) {
    AddressSpace::Translation translation{};
    if (!space->translate(at + i * page_size, translation)) continue;
    if (!frames::is_zero_page(*translation.frame)) EXPECT_EQ(translation.frame, file->cache().find(i).get());
  }
}

}  // namespace
}  // namespace cv6
