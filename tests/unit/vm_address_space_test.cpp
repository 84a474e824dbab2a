// What programs see of mmap, munmap, mprotect, madvise and brk.
#include "vm_address_space.hpp"

namespace cv6 {
namespace {

TEST_F(AddressSpaceTest, AnonymousMemoryIsZeroAndKeepsWhatIsWritten) {
  const std::uintptr_t at = *map(4);
  EXPECT_EQ(load(at), 0u);
  EXPECT_EQ(load(at + page_size), 0u);
  EXPECT_TRUE(store(at, 5));
  EXPECT_EQ(load(at), 5u);
  EXPECT_EQ(load(at + page_size), 0u);
  EXPECT_EQ(space_->usage().resident_pages, 2u);
  EXPECT_EQ(load(at + 4 * page_size), std::nullopt);
  EXPECT_EQ(test::last_fault(), FaultOutcome::no_mapping);
}

TEST_F(AddressSpaceTest, NeighboursBecomeOneMapping) {
  ASSERT_TRUE(map_at(somewhere, 2));
  ASSERT_TRUE(map_at(somewhere + 4 * page_size, 2));
  EXPECT_EQ(mapping_count(), 2u);
  ASSERT_TRUE(map_at(somewhere + 2 * page_size, 2));
  EXPECT_EQ(mapping_count(), 1u);
  ASSERT_TRUE(space_->protect(somewhere + page_size, page_size, read_only));
  EXPECT_EQ(mapping_count(), 3u);
  ASSERT_TRUE(space_->protect(somewhere + page_size, page_size, read_write));
  EXPECT_EQ(mapping_count(), 1u);
}

TEST_F(AddressSpaceTest, BadArgumentsAreRefused) {
  EXPECT_EQ(map(0).error(), Error::inval);
  EXPECT_EQ(map_at(somewhere + 1, 1).error(), Error::inval);
  EXPECT_EQ(map_at(arch::user_end - page_size, 2).error(), Error::nomem);
  EXPECT_EQ(map_at(0, 1).error(), Error::perm);
  EXPECT_EQ(map(std::uint64_t{1} << 40).error(), Error::nomem);
  EXPECT_EQ(space_->unmap(somewhere + 1, page_size).error(), Error::inval);
  EXPECT_EQ(space_->unmap(somewhere, 0).error(), Error::inval);
  EXPECT_TRUE(space_->unmap(somewhere, page_size));  // nothing there: fine
  EXPECT_EQ(space_->protect(somewhere, page_size, read_only).error(), Error::nomem);
  EXPECT_EQ(space_->protect(somewhere + 1, page_size, read_only).error(), Error::inval);
  ASSERT_TRUE(map_at(somewhere, 2));
  EXPECT_EQ(map_at(somewhere + page_size, 2, read_write, Place::fixed_no_replace).error(), Error::exist);
  EXPECT_EQ(space_->advise(somewhere, 3 * page_size, Advice::dont_need).error(), Error::nomem);
}

TEST_F(AddressSpaceTest, HintsAreTakenWhereThereIsRoom) {
  EXPECT_EQ(*map_at(somewhere, 2, read_write, Place::hint), somewhere);
  EXPECT_NE(*map_at(somewhere, 2, read_write, Place::hint), somewhere);
}

TEST_F(AddressSpaceTest, FixedReplacesWhatWasThere) {
  ASSERT_TRUE(map_at(somewhere, 4));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(store(somewhere + i * page_size, i + 1));
  ASSERT_TRUE(map_at(somewhere + page_size, 2, read_only));
  EXPECT_EQ(load(somewhere), 1u);
  EXPECT_EQ(load(somewhere + page_size), 0u);
  EXPECT_FALSE(store(somewhere + page_size, 1));
  EXPECT_EQ(test::last_fault(), FaultOutcome::not_allowed);
  EXPECT_EQ(load(somewhere + 3 * page_size), 4u);
}

TEST_F(AddressSpaceTest, UnmappingTheMiddleLeavesTheEnds) {
  ASSERT_TRUE(map_at(somewhere, 3));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store(somewhere + i * page_size, i + 1));
  ASSERT_TRUE(space_->unmap(somewhere + page_size, page_size));
  EXPECT_EQ(load(somewhere), 1u);
  EXPECT_EQ(load(somewhere + page_size), std::nullopt);
  EXPECT_EQ(load(somewhere + 2 * page_size), 3u);
  EXPECT_EQ(space_->usage().virtual_pages, 2u);
}

TEST_F(AddressSpaceTest, TablesGoWithTheirMappings) {
  const std::uint64_t tables = space_->usage().page_table_pages;
  for (std::uintptr_t at : {somewhere, std::uintptr_t{0x7f0000000000}}) {
    ASSERT_TRUE(map_at(at, 3000));
    for (int i = 0; i < 3000; i += 100) ASSERT_TRUE(store(at + i * page_size, 1));
    EXPECT_GE(space_->usage().page_table_pages, tables + 7);
    ASSERT_TRUE(space_->unmap(at, 3000 * page_size));
    EXPECT_EQ(space_->usage().page_table_pages, tables);
  }
}

// A part at a time: those that several parts have in common go with the last, those that the neighbours need stay.
TEST_F(AddressSpaceTest, TablesOfALongMappingGo) {
  constexpr std::uint64_t length = 600_GiB;
  const std::uintptr_t start = 1_GiB - page_size;
  ASSERT_TRUE(map_at(start - page_size, 1));
  ASSERT_TRUE(map_at(start + length, 1));
  ASSERT_TRUE(store(start - page_size, 1));
  ASSERT_TRUE(store(start + length, 2));
  const std::uint64_t tables = space_->usage().page_table_pages;
  ASSERT_TRUE(space_->map({.address = start,
                           .length = length,
                           .place = MapRequest::Place::fixed_no_replace,
                           .protection = read_write,
                           .reserve = false}));
  for (std::uint64_t at = 0; at < length; at += 5_GiB) ASSERT_TRUE(store(start + at, 3));
  EXPECT_GE(space_->usage().page_table_pages, tables + 2 * (length / 5_GiB - 1));
  ASSERT_TRUE(space_->unmap(start, length));
  EXPECT_EQ(space_->usage().page_table_pages, tables);
  EXPECT_EQ(load(start - page_size), 1u);
  EXPECT_EQ(load(start + length), 2u);
}

TEST_F(AddressSpaceTest, ProtectionIsKeptAndPagesSurviveNone) {
  const std::uintptr_t at = *map(2);
  ASSERT_TRUE(store(at, 7));
  ASSERT_TRUE(space_->protect(at, page_size, none));
  EXPECT_EQ(load(at), std::nullopt);
  EXPECT_EQ(test::last_fault(), FaultOutcome::not_allowed);
  ASSERT_TRUE(space_->protect(at, page_size, read_only));
  EXPECT_EQ(load(at), 7u);
  EXPECT_FALSE(store(at, 8));
  ASSERT_TRUE(space_->protect(at, page_size, read_write));
  EXPECT_TRUE(store(at, 8));
  EXPECT_EQ(load(at), 8u);
}

TEST_F(AddressSpaceTest, ProtectionStaysWithinWhatIsAllowed) {
  const auto file = TestFile::create(4);
  const auto at = space_->map(
      {.length = page_size, .sharing = Sharing::shared, .protection = read_only, .allowed = read_only, .object = file});
  ASSERT_TRUE(at);
  EXPECT_EQ(space_->protect(*at, page_size, read_write).error(), Error::acces);
}

TEST_F(AddressSpaceTest, HeapGrowsAndShrinks) {
  space_->set_heap_start(somewhere + 100);
  EXPECT_EQ(space_->brk(0), somewhere + 100);
  EXPECT_EQ(space_->brk(somewhere + 3 * page_size + 1), somewhere + 3 * page_size + 1);
  ASSERT_TRUE(store(somewhere + 3 * page_size, 1));
  EXPECT_EQ(space_->brk(somewhere + 5 * page_size), somewhere + 5 * page_size);
  EXPECT_EQ(mapping_count(), 1u);
  EXPECT_EQ(load(somewhere + 3 * page_size), 1u);
  EXPECT_EQ(space_->brk(somewhere + 2 * page_size), somewhere + 2 * page_size);
  EXPECT_EQ(load(somewhere + 3 * page_size), std::nullopt);
  EXPECT_EQ(space_->brk(somewhere + 4 * page_size), somewhere + 4 * page_size);
  EXPECT_EQ(load(somewhere + 3 * page_size), 0u);
  ASSERT_TRUE(map_at(somewhere + 6 * page_size, 1));
  EXPECT_EQ(space_->brk(somewhere + 7 * page_size), somewhere + 4 * page_size);
  EXPECT_EQ(space_->brk(somewhere), somewhere + 4 * page_size);
}

TEST_F(AddressSpaceTest, StackGrowsToItsLimitAndKeepsItsDistance) {
  space_->set_limits({.stack = 400 * page_size});
  const std::uintptr_t top = 0x7ffffff00000;
  ASSERT_TRUE(space_->map({.address = top - 2 * page_size,
                           .length = 2 * page_size,
                           .place = Place::fixed,
                           .protection = read_write,
                           .grows_down = true}));
  EXPECT_TRUE(store(top - 50 * page_size, 1));
  EXPECT_EQ(space_->usage().stack_pages, 50u);
  EXPECT_TRUE(store(top - 400 * page_size, 1));
  EXPECT_FALSE(store(top - 401 * page_size, 1));
  EXPECT_EQ(test::last_fault(), FaultOutcome::no_mapping);
  const std::uintptr_t other = 0x7f0000000000;
  ASSERT_TRUE(space_->map(
      {.address = other, .length = page_size, .place = Place::fixed, .protection = read_write, .grows_down = true}));
  ASSERT_TRUE(map_at(other - 300 * page_size, 1));
  EXPECT_TRUE(store(other - 40 * page_size, 1));
  EXPECT_FALSE(store(other - 44 * page_size, 1));
}

TEST_F(AddressSpaceTest, NothingIsPlacedWhereAStackWouldRunIntoIt) {
  const std::uintptr_t first = *map(1);
  ASSERT_TRUE(space_->unmap(first, page_size));
  ASSERT_TRUE(space_->map(
      {.address = first, .length = page_size, .place = Place::fixed, .protection = read_write, .grows_down = true}));
  EXPECT_LE(*map(1) + page_size, first - Mapping::guard_gap);
}

TEST_F(AddressSpaceTest, LimitsAreKept) {
  space_->set_limits({.address_space = 20 * page_size, .data = 10 * page_size});
  EXPECT_EQ(map(21, read_only).error(), Error::nomem);
  EXPECT_EQ(map(11).error(), Error::nomem);
  const auto at = map(11, read_only);
  ASSERT_TRUE(at);
  EXPECT_EQ(space_->protect(*at, 11 * page_size, read_write).error(), Error::nomem);
  EXPECT_TRUE(map(9));
  EXPECT_EQ(map(1, read_only).error(), Error::nomem);
  EXPECT_TRUE(map_at(*at, 11, read_only));  // replaces: no more than before
}

TEST_F(AddressSpaceTest, TheContainersLimitEndsInNoMemory) {
  auto memory = *GuestMemory::create(GuestMemory::host(), 30);
  auto small = *AddressSpace::create(memory);
  test::run_in(small.get());
  const auto at = small->map({.length = 100 * page_size, .protection = read_write});
  ASSERT_TRUE(at);
  int written = 0;
  while (written < 100 && store(*at + written * page_size, 1)) ++written;
  EXPECT_EQ(test::last_fault(), FaultOutcome::no_memory);
  EXPECT_GT(written, 15);
  EXPECT_LT(written, 30);
  EXPECT_EQ(memory->counters().pages, 30u);
  test::run_in(space_.get());
}

TEST_F(AddressSpaceTest, ForgottenPagesAreZeroOrTheFiles) {
  const auto file = TestFile::create(1);
  ASSERT_TRUE(file->write(0, 3));
  const std::uintptr_t memory = *map(2), copied = *map_file(file, 1, Sharing::private_);
  ASSERT_TRUE(store(memory, 1));
  ASSERT_TRUE(store(copied, 2));
  ASSERT_TRUE(space_->advise(memory, page_size, Advice::dont_need));
  ASSERT_TRUE(space_->advise(copied, page_size, Advice::dont_need));
  EXPECT_EQ(load(memory), 0u);
  EXPECT_EQ(load(copied), 3u);
  EXPECT_EQ(space_->advise(copied, page_size, Advice::free).error(), Error::inval);
}

TEST_F(AddressSpaceTest, PopulateMakesPagesPresent) {
  const std::uintptr_t at = *space_->map({.length = 8 * page_size, .protection = read_write, .populate = true});
  EXPECT_EQ(space_->usage().resident_pages, 8u);
  std::uint8_t states[8] = {};
  ASSERT_TRUE(space_->advise(at + page_size, page_size, Advice::dont_need));
  ASSERT_TRUE(space_->resident(at, 8 * page_size, states));
  EXPECT_EQ(states[0], 1);
  EXPECT_EQ(states[1], 0);
  EXPECT_EQ(space_->advise(at + 7 * page_size, 2 * page_size, Advice::populate_read).error(), Error::nomem);
}

TEST_F(AddressSpaceTest, OtherProcessesMemoryCanBeReadAndWritten) {
  const std::uintptr_t at = *map(3);
  std::vector<std::byte> bytes(2 * page_size, std::byte{5}), back(2 * page_size);
  test::run_in(nullptr);
  ASSERT_TRUE(space_->write_memory(at + 100, bytes));
  ASSERT_TRUE(space_->read_memory(at + 100, back));
  EXPECT_EQ(bytes, back);
  EXPECT_EQ(space_->read_memory(at + 2 * page_size, back).error(), Error::io);
}

// Whatever allocation fails: the call says so or succeeds, what was there is as before, nothing is lost.
TEST_F(AddressSpaceTest, FailedAllocationsChangeNothing) {
  test::for_each_allocation_failure([&] {
    const auto space = AddressSpace::create(Ref<GuestMemory>(&GuestMemory::host()));
    if (!space) return;
    test::run_in(space->get());
    const auto at = (*space)->map({.length = 8 * page_size, .protection = read_write});
    if (!at) return;
    for (int i = 0; i < 8; ++i)
      if (!store(*at + i * page_size, i + 1)) return;
    (void)(*space)->protect(*at + page_size, page_size, read_only);
    const auto child = (*space)->fork();
    (void)(*space)->unmap(*at + 3 * page_size, page_size);
    (void)(*space)->remap(*at + 4 * page_size, 2 * page_size, 600 * page_size, {.may_move = true});
    (void)(*space)->map({.address = *at + 6 * page_size,
                         .length = page_size,
                         .place = Place::fixed,
                         .sharing = Sharing::shared,
                         .protection = read_write});
    ASSERT_EQ(load(*at), 1u);
    ASSERT_EQ(load(*at + page_size), 2u);
    if (child) {
      test::run_in(child->get());
      for (int i = 0; i < 8; ++i) ASSERT_EQ(load(*at + i * page_size), i + 1);
    }
    test::run_in(nullptr);
  });
}

}  // namespace
}  // namespace cv6
