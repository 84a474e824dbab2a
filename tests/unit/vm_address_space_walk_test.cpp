// One address through every stage, and runs of pages.
#include "arch/target/simulation.hpp"
#include "arch/user_memory.hpp"
#include "support/user.hpp"

namespace cv6 {
namespace {

using test::load, test::read_write, test::store, test::TestFile;

constexpr std::uintptr_t somewhere = 0x40000000;

class AddressSpaceWalkTest : public test::MachineTest {
 protected:
  void SetUp() override {
    MachineTest::SetUp();
    memory_ = *GuestMemory::create(GuestMemory::host(), UINT64_MAX);
    space_ = *AddressSpace::create(memory_);
    test::run_in(space_.get());
  }
  void TearDown() override {
    test::run_in(nullptr);
    space_ = {};
    memory_ = {};
    MachineTest::TearDown();
  }
  void map(std::uintptr_t address, std::uint64_t pages, Ref<MemoryObject> object = {}) {
    ASSERT_TRUE(space_->map({.address = address,
                             .length = pages * page_size,
                             .place = MapRequest::Place::fixed,
                             .protection = read_write,
                             .object = std::move(object)}));
  }

  Ref<GuestMemory> memory_;
  Ref<AddressSpace> space_;
};

TEST_F(AddressSpaceWalkTest, EveryStage) {
  map(somewhere, 2);
  ASSERT_TRUE(store(somewhere + 8, 42));
  AddressSpace::Walk walk;
  ASSERT_TRUE(space_->walk(somewhere + 8, walk));
  EXPECT_EQ(walk.mapping.start, somewhere);
  EXPECT_EQ(walk.mapping.end, somewhere + 2 * page_size);
  ASSERT_EQ(walk.levels, arch::table_levels);
  ASSERT_TRUE(walk.has_page);
  for (unsigned i = 0; i + 1 < walk.levels; ++i) {
    EXPECT_EQ(walk.entries[i].address() >> page_shift, walk.tables[i + 1].number);
    EXPECT_EQ(walk.tables[i].use, FrameUse::page_table);
    EXPECT_EQ(walk.tables[i].owner, memory_.get());
  }
  EXPECT_EQ(walk.entries[walk.levels - 1].address() >> page_shift, walk.page.number);
  EXPECT_EQ(memory_->frame_at(walk.page.guest_number)->number(), walk.page.number);
  EXPECT_EQ(static_cast<const std::uint64_t*>(Frame::numbered(walk.page.number)->data())[1], 42u);
}

TEST_F(AddressSpaceWalkTest, EndsWhereThereIsNothing) {
  AddressSpace::Walk walk;
  EXPECT_EQ(space_->walk(somewhere, walk).error(), Error::fault);
  EXPECT_EQ(space_->walk(arch::user_end, walk).error(), Error::fault);
  map(somewhere, 2);
  ASSERT_TRUE(space_->walk(somewhere, walk));
  EXPECT_EQ(walk.levels, 1u);
  EXPECT_FALSE(walk.has_page);
  ASSERT_TRUE(store(somewhere, 1));
  ASSERT_TRUE(space_->walk(somewhere + page_size, walk));
  EXPECT_EQ(walk.levels, arch::table_levels);
  EXPECT_FALSE(walk.has_page);
}

TEST_F(AddressSpaceWalkTest, RunsCoverEveryPageOnce) {
  const auto file = TestFile::create(5);
  std::uint64_t touched = 0;
  map(somewhere, 1100);  // more than two tables
  map(somewhere + 2000 * page_size, 5, file);
  map(somewhere + 1_GiB, 200_MiB / page_size);  // what is looked through in parts, with pages at their ends
  for (std::uint64_t at = 0; at < 200_MiB; at += 32_MiB) {
    ASSERT_TRUE(store(somewhere + 1_GiB + at, 1));
    if (at) ASSERT_TRUE(store(somewhere + 1_GiB + at - page_size, 1));
    touched += at ? 2 : 1;
  }
  for (std::uint64_t page = 0; page < 1100; ++page)
    if (page % 100 != 7) {
      ASSERT_TRUE(store(somewhere + page * page_size, 1));
      ++touched;
    }
  ASSERT_TRUE(load(somewhere + 2000 * page_size));
  AddressSpace::Run run;
  std::uint64_t seen = 0;
  std::uintptr_t end = 0;
  for (std::uintptr_t from = 0; space_->next_run(from, run); from = end) {
    EXPECT_GE(run.address, end);
    end = run.address + run.pages * page_size;
    EXPECT_LE(end, run.mapping.end);
    for (std::uint32_t i = 0; i < run.pages; ++i) {
      AddressSpace::Walk walk;
      ASSERT_TRUE(space_->walk(run.address + i * page_size, walk));
      ASSERT_TRUE(walk.has_page);
      EXPECT_EQ(walk.page.number, run.page.number + i);
      EXPECT_EQ(walk.page.guest_number, run.page.guest_number + i);
      EXPECT_EQ(walk.page.owner, run.page.owner);
    }
    seen += run.pages;
  }
  EXPECT_EQ(seen, space_->resident_pages());
  EXPECT_GT(seen, touched);
}

}  // namespace
}  // namespace cv6
