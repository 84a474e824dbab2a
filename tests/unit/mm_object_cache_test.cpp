// Object caches and the heap of round sizes.
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "arch/target/simulation.hpp"
#include "lib/ref.hpp"
#include "mm/heap.hpp"
#include "support/machine.hpp"

namespace cv6 {
namespace {

using ObjectCacheTest = test::MachineTest;

struct Thing : Counted<Thing>, Cached<Thing, "test_thing"> {
  explicit Thing(int number) : value(number) {}
  int value;
  char rest[300];
};

std::uint64_t live_things() { return test::accounts().objects["test_thing"]; }

TEST_F(ObjectCacheTest, CountsLiveObjects) {
  std::vector<Ref<Thing>> things;
  for (int i = 0; i < 1000; ++i) {
    auto thing = make<Thing>(i);
    ASSERT_TRUE(thing);
    things.push_back(*thing);
  }
  EXPECT_EQ(live_things(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(things[i]->value, i);
  things.clear();
  EXPECT_EQ(live_things(), 0u);
}

TEST_F(ObjectCacheTest, SlabsGoBackToTheMachine) {
  {
    auto warm = make<Thing>(0);
  }
  const std::uint64_t free_before = frames::counts().free;
  std::vector<Ref<Thing>> things;
  for (int i = 0; i < 10000; ++i) things.push_back(*make<Thing>(i));
  EXPECT_LT(frames::counts().free, free_before - 700);
  things.clear();
  EXPECT_GT(frames::counts().free, free_before - 5);  // but for what lies in a magazine
}

TEST_F(ObjectCacheTest, AlignmentIsKept) {
  struct alignas(64) Aligned : Cached<Aligned, "test_aligned"> {
    char bytes[192];
  };
  std::vector<Aligned*> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(new (std::nothrow) Aligned);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(all.back()) % 64, 0u);
  }
  for (Aligned* one : all) delete one;
}

TEST_F(ObjectCacheTest, MemoryFailureIsReported) {
  allocation_failures::fail_nth(1);
  EXPECT_EQ(make<Thing>(1).error(), Error::nomem);
  EXPECT_TRUE(make<Thing>(1));
}

TEST_F(ObjectCacheTest, UseAfterFreeIsNoticed) {
  Thing* thing = make<Thing>(1)->leak();
  delete thing;
  EXPECT_DEATH(
      {
        thing->rest[100] = 1;
        for (int i = 0; i < 100; ++i) (void)make<Thing>(2)->leak();
      },
      "written to after");
}

TEST_F(ObjectCacheTest, GivingTwiceIsNoticed) {
  void* block = heap::take(64);
  heap::give(block);
  EXPECT_DEATH(heap::give(block), "given back twice");
}

TEST_F(ObjectCacheTest, HeapServesEverySizeAndAlignment) {
  for (std::size_t size = 0; size <= 20000; size += size < 2100 ? 1 : 977)
    for (std::size_t alignment : {16u, 64u}) {
      auto* block = static_cast<char*>(heap::take(size, alignment));
      ASSERT_NE(block, nullptr);
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u);
      std::memset(block, 1, size);
      heap::give(block);
    }
  EXPECT_EQ(heap::take(std::size_t{1} << 60), nullptr);
}

TEST_F(ObjectCacheTest, HeapBlocksDoNotOverlap) {
  struct Block {
    unsigned char* start;
    std::size_t size;
    unsigned char mark;
  };
  std::vector<Block> blocks;
  std::mt19937 random(5);
  const auto intact = [](const Block& block) {
    for (std::size_t i = 0; i < block.size; ++i)
      if (block.start[i] != block.mark) return false;
    return true;
  };
  for (int step = 0; step < 50000; ++step) {
    if (random() % 2 || blocks.empty()) {
      const std::size_t size = random() % (random() % 10 ? 600 : 9000);
      auto* start = static_cast<unsigned char*>(heap::take(size));
      ASSERT_NE(start, nullptr);
      blocks.push_back({start, size, static_cast<unsigned char>(random())});
      std::memset(start, blocks.back().mark, size);
    } else {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      ASSERT_TRUE(intact(blocks.back()));
      heap::give(blocks.back().start);
      blocks.pop_back();
    }
  }
  for (const Block& block : blocks) {
    ASSERT_TRUE(intact(block));
    heap::give(block.start);
  }
}

// Objects taken on one processor and given back on another.
TEST_F(ObjectCacheTest, ObjectsTravelBetweenProcessors) {
  std::vector<Thing*> objects(4000);
  for (unsigned round = 0; round < 4; ++round) {
    std::vector<std::thread> threads;
    for (unsigned cpu = 0; cpu < 4; ++cpu)
      threads.emplace_back([&, cpu] {
        arch::simulation::use_cpu(cpu);
        const unsigned share = (cpu + round) % 4 * 1000;
        for (unsigned i = share; i < share + 1000; ++i) {
          delete objects[i];
          objects[i] = make<Thing>(static_cast<int>(i))->leak();
        }
      });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(live_things(), 4000u);
  }
  for (Thing* object : objects) delete object;
  EXPECT_EQ(live_things(), 0u);
}

}  // namespace
}  // namespace cv6
