// What programs see of mmap, munmap, mprotect, mremap, madvise, brk and fork.
#include <random>
#include <vector>

#include "arch/target/simulation.hpp"
#include "arch/user_memory.hpp"
#include "support/user.hpp"

namespace cv6 {
namespace {

using test::load, test::none, test::read_only, test::read_write, test::store, test::TestFile;
using Place = MapRequest::Place;
using Sharing = Mapping::Sharing;
using Advice = AddressSpace::Advice;

constexpr std::uintptr_t somewhere = 0x40000000;

class AddressSpaceTest : public test::MachineTest {
 protected:
  void SetUp() override {
    MachineTest::SetUp();
    space_ = *AddressSpace::create(Ref<GuestMemory>(&GuestMemory::host()));
    test::run_in(space_.get());
  }
  void TearDown() override {
    test::run_in(nullptr);
    space_ = {};
    MachineTest::TearDown();
  }

  Result<std::uintptr_t> map(std::uint64_t pages, Protection protection = read_write,
                             Sharing sharing = Sharing::private_) {
    return space_->map({.length = pages * page_size, .sharing = sharing, .protection = protection});
  }
  Result<std::uintptr_t> map_at(std::uintptr_t address, std::uint64_t pages, Protection protection = read_write,
                                Place place = Place::fixed) {
    return space_->map({.address = address, .length = pages * page_size, .place = place, .protection = protection});
  }
  Result<std::uintptr_t> map_file(Ref<MemoryObject> file, std::uint64_t pages, Sharing sharing,
                                  Protection protection = read_write, std::uint64_t offset = 0) {
    return space_->map(
        {.length = pages * page_size, .sharing = sharing, .protection = protection, .object = file, .offset = offset});
  }
  unsigned mapping_count() {
    AddressSpace::Description description{};
    unsigned count = 0;
    while (space_->describe(description.end, description)) ++count;
    return count;
  }

  Ref<AddressSpace> space_;
};

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

// Only what another file is lent is protected from writing; all of it, for a file that becomes a twin.
TEST_F(AddressSpaceTest, LentPagesAreWriteProtected) {
  constexpr std::uint64_t pages = 6000;  // more than are protected at a time
  const auto file = TestFile::create(pages), other = TestFile::create(pages);
  const std::uintptr_t at = *map_file(file, pages, Sharing::shared);
  for (std::uint64_t i = 0; i < pages; ++i) ASSERT_TRUE(store(at + i * page_size, i));
  const auto writable = [&] {
    AddressSpace::Translation page{};
    std::uint64_t count = 0;
    for (std::uint64_t i = 0; i < pages; ++i) count += space_->translate(at + i * page_size, page) && page.writable;
    return count;
  };
  ASSERT_EQ(writable(), pages);
  std::uint64_t done = 0;
  ASSERT_TRUE(other->cache().share_range(file->cache(), 100, 0, 80, done));
  EXPECT_EQ(done, 80u);
  EXPECT_EQ(writable(), pages - 80);
  ASSERT_TRUE(store(at + 100 * page_size, 1));
  EXPECT_EQ(other->read(0), 100u);
  ASSERT_TRUE(other->cache().share_from(file->cache()));
  EXPECT_EQ(writable(), 0u);
  ASSERT_TRUE(store(at + (pages - 1) * page_size, 1));
  EXPECT_EQ(other->read(pages - 1), pages - 1);
}

// However its mappings were made, cut and joined: a page that a file drops goes from all that have it, and only that page.
TEST_F(AddressSpaceTest, APageThatGoesIsFoundInEveryMapping) {
  constexpr std::uint64_t pages = 64, places = 256;
  const auto file = TestFile::create(pages);
  std::mt19937 random(1);
  const auto for_each_page = [&](auto visit) {
    AddressSpace::Description at{};
    while (space_->describe(at.end, at))
      for (std::uintptr_t page = at.start; page < at.end; page += page_size)
        visit(page, (at.offset + (page - at.start)) / page_size);
  };
  for (int round = 0; round < 500; ++round) {
    const std::uint64_t first = random() % pages, count = 1 + random() % (pages - first);
    const std::uint64_t place = somewhere + random() % places * page_size;
    const unsigned what = random() % 5;
    if (what < 3)  // also where it continues its neighbours
      ASSERT_TRUE(space_->map({.address = what ? place : somewhere + first * page_size,
                               .length = count * page_size,
                               .place = Place::fixed,
                               .sharing = Sharing::shared,
                               .protection = read_write,
                               .object = file,
                               .offset = first * page_size}));
    else if (what == 3)
      ASSERT_TRUE(space_->unmap(place, count * page_size));
    else
      (void)space_->protect(place, count * page_size, random() % 2 ? read_only : read_write);
    for (std::uint64_t i = 0; i < pages; ++i) ASSERT_TRUE(file->write(i, i + 1));
    for_each_page([&](std::uintptr_t page, std::uint64_t index) { ASSERT_EQ(load(page), index + 1); });
    const std::uint64_t from = random() % pages, last = from + random() % (pages - from);
    ASSERT_TRUE(file->cache().punch(from, last));
    for_each_page([&](std::uintptr_t page, std::uint64_t index) {
      AddressSpace::Translation translation{};
      ASSERT_EQ(space_->translate(page, translation), index < from || index > last);
    });
  }
}

TEST_F(AddressSpaceTest, ForkCopiesOnWrite) {
  const std::uintptr_t at = *map(10);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(store(at + i * page_size, i));
  const std::uint64_t before = GuestMemory::host().counters().pages;
  auto child = *space_->fork();
  EXPECT_LE(GuestMemory::host().counters().pages, before + 6);  // tables
  ASSERT_TRUE(store(at, 100));
  test::run_in(child.get());
  EXPECT_EQ(load(at), 0u);
  ASSERT_TRUE(store(at + page_size, 200));
  test::run_in(space_.get());
  EXPECT_EQ(load(at), 100u);
  EXPECT_EQ(load(at + page_size), 1u);
  child = {};
  // Nobody else has the pages now: no copy is made.
  AddressSpace::Translation first{}, second{};
  ASSERT_TRUE(space_->translate(at + 5 * page_size, first));
  ASSERT_TRUE(store(at + 5 * page_size, 1));
  ASSERT_TRUE(space_->translate(at + 5 * page_size, second));
  EXPECT_EQ(first.frame, second.frame);
}

TEST_F(AddressSpaceTest, ForkHonoursAdvice) {
  const std::uintptr_t at = *map(3);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store(at + i * page_size, 9));
  ASSERT_TRUE(space_->advise(at, page_size, Advice::dont_fork));
  ASSERT_TRUE(space_->advise(at + page_size, page_size, Advice::wipe_on_fork));
  const auto child = *space_->fork();
  test::run_in(child.get());
  EXPECT_EQ(load(at), std::nullopt);
  EXPECT_EQ(load(at + page_size), 0u);
  EXPECT_EQ(load(at + 2 * page_size), 9u);
  test::run_in(space_.get());
  EXPECT_EQ(load(at + page_size), 9u);
}

TEST_F(AddressSpaceTest, SharedAnonymousMemoryIsSharedByFork) {
  const std::uintptr_t at = *map(3, read_write, Sharing::shared);
  ASSERT_TRUE(store(at, 1));
  EXPECT_EQ(load(at + page_size), 0u);
  const auto child = *space_->fork();
  test::run_in(child.get());
  EXPECT_EQ(load(at), 1u);
  ASSERT_TRUE(store(at, 2));
  ASSERT_TRUE(store(at + page_size, 3));
  test::run_in(space_.get());
  EXPECT_EQ(load(at), 2u);
  EXPECT_EQ(load(at + page_size), 3u);
  EXPECT_EQ(*space_->futex_key(at), *child->futex_key(at));
}

TEST_F(AddressSpaceTest, FutexKeysTellPrivateMemoryApart) {
  const std::uintptr_t at = *map(1);
  const auto child = *space_->fork();
  EXPECT_FALSE(*space_->futex_key(at) == *child->futex_key(at));
  EXPECT_EQ(space_->futex_key(somewhere).error(), Error::fault);
}

TEST_F(AddressSpaceTest, PrivateFileMappingsSeeTheFileUntilTheyWrite) {
  const auto file = TestFile::create(20);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(file->write(i, i + 1));
  const std::uintptr_t at = *map_file(file, 20, Sharing::private_);
  EXPECT_EQ(load(at + 3 * page_size), 4u);
  EXPECT_GE(space_->usage().resident_pages, 4u);  // those around it came along
  EXPECT_EQ(file->fetched, 0u);
  ASSERT_TRUE(store(at + 3 * page_size, 50));
  EXPECT_EQ(file->read(3), 4u);
  ASSERT_TRUE(file->write(3, 60));
  EXPECT_EQ(load(at + 3 * page_size), 50u);
  ASSERT_TRUE(file->write(4, 61));
  EXPECT_EQ(load(at + 4 * page_size), 61u);
  EXPECT_EQ(file->modified, 0u);
}

TEST_F(AddressSpaceTest, SharedFileMappingsWriteTheFile) {
  const auto file = TestFile::create(3);
  const std::uintptr_t at = *map_file(file, 5, Sharing::shared);
  EXPECT_EQ(load(at), 0u);
  ASSERT_TRUE(file->write(0, 4));  // where a page of zeros was mapped
  EXPECT_EQ(load(at), 4u);
  ASSERT_TRUE(store(at, 5));
  ASSERT_TRUE(store(at + 8, 6));
  EXPECT_EQ(file->read(0), 5u);
  EXPECT_EQ(file->modified, 1u);
  EXPECT_EQ(load(at + 3 * page_size), std::nullopt);
  EXPECT_EQ(test::last_fault(), FaultOutcome::past_end);
}

TEST_F(AddressSpaceTest, PagesMappedByManyAreNotCopiedOnWrite) {
  const auto file = TestFile::create(1);
  ASSERT_TRUE(file->write(0, 1));
  const std::uintptr_t at = *map_file(file, 1, Sharing::shared);
  EXPECT_EQ(load(at), 1u);
  const auto child = *space_->fork();
  test::run_in(child.get());
  EXPECT_EQ(load(at), 1u);
  const FrameRef page = file->cache().find(0);
  ASSERT_TRUE(store(at, 2));
  ASSERT_TRUE(file->write(0, 3));
  EXPECT_EQ(file->cache().find(0).get(), page.get());
  EXPECT_EQ(load(at), 3u);
}

TEST_F(AddressSpaceTest, TruncationTakesPagesAway) {
  const auto file = TestFile::create(4);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(file->write(i, i + 1));
  const std::uintptr_t shared = *map_file(file, 4, Sharing::shared);
  const std::uintptr_t copied = *map_file(file, 4, Sharing::private_);
  for (int i = 0; i < 4; ++i) ASSERT_EQ(load(shared + i * page_size), i + 1);
  ASSERT_TRUE(store(copied + 3 * page_size, 9));
  ASSERT_TRUE(store(copied + page_size, 8));
  file->truncate(2);
  EXPECT_EQ(load(shared + page_size), 2u);
  EXPECT_EQ(load(copied + page_size), 8u);
  EXPECT_EQ(load(shared + 3 * page_size), std::nullopt);
  EXPECT_EQ(load(copied + 3 * page_size), std::nullopt);
}

TEST_F(AddressSpaceTest, TwinsOfAFileDoNotSeeEachOther) {
  const auto file = TestFile::create(4);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(file->write(i, i + 1));
  const auto view = TestFile::create(4);
  view->show(*file);
  const std::uintptr_t of_file = *map_file(file, 4, Sharing::shared);
  const std::uintptr_t of_view = *map_file(view, 4, Sharing::shared);
  EXPECT_EQ(load(of_view), 1u);
  ASSERT_TRUE(store(of_file, 10));
  EXPECT_EQ(load(of_view), 10u);  // not changed yet: sees the file as it is
  ASSERT_TRUE(store(of_view + page_size, 20));
  EXPECT_EQ(load(of_file + page_size), 2u);
  ASSERT_TRUE(store(of_file, 11));
  EXPECT_EQ(load(of_view), 10u);
  ASSERT_TRUE(store(of_file + 2 * page_size, 12));
  EXPECT_EQ(load(of_view + 2 * page_size), 3u);
  EXPECT_EQ(file->read(2), 12u);
  EXPECT_EQ(view->read(1), 20u);
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

TEST_F(AddressSpaceTest, RemapGrowsInPlaceMovesAndShrinks) {
  ASSERT_TRUE(map_at(somewhere, 2));
  ASSERT_TRUE(store(somewhere, 1));
  ASSERT_TRUE(store(somewhere + page_size, 2));
  EXPECT_EQ(*space_->remap(somewhere, 2 * page_size, 4 * page_size, {}), somewhere);
  ASSERT_TRUE(store(somewhere + 3 * page_size, 4));
  ASSERT_TRUE(map_at(somewhere + 4 * page_size, 1, read_only));
  EXPECT_EQ(space_->remap(somewhere, 4 * page_size, 6 * page_size, {}).error(), Error::nomem);
  const std::uintptr_t moved = *space_->remap(somewhere, 4 * page_size, 6 * page_size, {.may_move = true});
  EXPECT_NE(moved, somewhere);
  EXPECT_EQ(load(somewhere), std::nullopt);
  EXPECT_EQ(load(moved), 1u);
  EXPECT_EQ(load(moved + 3 * page_size), 4u);
  EXPECT_EQ(load(moved + 5 * page_size), 0u);
  EXPECT_EQ(*space_->remap(moved, 6 * page_size, page_size, {}), moved);
  EXPECT_EQ(load(moved + page_size), std::nullopt);
}

TEST_F(AddressSpaceTest, RemapToAFixedPlaceReplacesWhatIsThere) {
  const auto file = TestFile::create(4);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(file->write(i, i + 1));
  const std::uintptr_t from = *map_file(file, 4, Sharing::shared);
  ASSERT_EQ(load(from + page_size), 2u);
  ASSERT_TRUE(map_at(somewhere, 3));
  ASSERT_TRUE(store(somewhere, 9));
  const AddressSpace::Move move{.may_move = true, .fixed = true, .new_address = somewhere};
  EXPECT_EQ(*space_->remap(from + page_size, 2 * page_size, 2 * page_size, move), somewhere);
  EXPECT_EQ(load(somewhere), 2u);
  EXPECT_EQ(load(somewhere + page_size), 3u);
  EXPECT_EQ(load(somewhere + 2 * page_size), 0u);
  EXPECT_EQ(load(from + page_size), std::nullopt);
  EXPECT_EQ(load(from + 3 * page_size), 4u);
  EXPECT_EQ(space_->remap(somewhere, page_size, page_size, {.may_move = true, .fixed = true, .new_address = somewhere})
                .error(),
            Error::inval);
}

TEST_F(AddressSpaceTest, RemapCanKeepOrDoubleAMapping) {
  const std::uintptr_t at = *map(2);
  ASSERT_TRUE(store(at, 6));
  const std::uintptr_t moved = *space_->remap(at, 2 * page_size, 2 * page_size, {.may_move = true, .keep_old = true});
  EXPECT_EQ(load(moved), 6u);
  EXPECT_EQ(load(at), 0u);
  const std::uintptr_t shared = *map(1, read_write, Sharing::shared);
  ASSERT_TRUE(store(shared, 7));
  const std::uintptr_t again = *space_->remap(shared, 0, page_size, {.may_move = true});
  EXPECT_EQ(load(again), 7u);
  EXPECT_EQ(space_->remap(at, 0, page_size, {.may_move = true}).error(), Error::inval);
  EXPECT_EQ(space_->remap(somewhere, page_size, page_size, {.may_move = true}).error(), Error::fault);
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

// The simulated processor keeps translations until it is told; so does another one that has the table loaded.
TEST_F(AddressSpaceTest, OtherProcessorsForgetWhatIsUnmapped) {
  const std::uintptr_t at = *map(40);
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(store(at + i * page_size, 1));
  arch::simulation::use_cpu(1);
  test::run_in(space_.get());
  for (int i = 0; i < 40; ++i) ASSERT_EQ(load(at + i * page_size), 1u);
  arch::simulation::use_cpu(0);
  ASSERT_TRUE(space_->unmap(at + page_size, page_size));
  ASSERT_TRUE(space_->protect(at + 2 * page_size, 30 * page_size, read_only));
  arch::simulation::use_cpu(1);
  EXPECT_EQ(load(at + page_size), std::nullopt);
  EXPECT_FALSE(store(at + 20 * page_size, 2));
  EXPECT_EQ(load(at), 1u);
  arch::simulation::use_cpu(0);
  const auto others = arch::simulation::flushes().others.load();
  const auto child = *space_->fork();
  EXPECT_EQ(arch::simulation::flushes().others, others + 1);  // one for all pages
  arch::simulation::use_cpu(1);
  ASSERT_TRUE(store(at, 3));
  arch::simulation::use_cpu(0);
  test::run_in(child.get());
  EXPECT_EQ(load(at), 1u);
  test::run_in(space_.get());
}

TEST_F(AddressSpaceTest, ABarrierDisturbsOnlyProcessorsThatHaveTheTables) {
  const auto others = arch::simulation::flushes().others.load();
  space_->barrier();
  EXPECT_EQ(arch::simulation::flushes().others, others);
  arch::simulation::use_cpu(1);
  space_->activate();
  arch::simulation::use_cpu(0);
  space_->barrier();
  EXPECT_EQ(arch::simulation::flushes().others, others + 1);
}

TEST_F(AddressSpaceTest, NoProcessorIsLeftWithTheTablesOfADeadAddressSpace) {
  auto other = *AddressSpace::create(Ref<GuestMemory>(&GuestMemory::host()));
  arch::simulation::use_cpu(1);
  other->activate();
  EXPECT_NE(arch::loaded_page_table(), arch::kernel_page_table());
  arch::simulation::use_cpu(0);
  other = {};
  arch::simulation::use_cpu(1);
  EXPECT_EQ(arch::loaded_page_table(), arch::kernel_page_table());
  space_->activate();
  arch::simulation::use_cpu(0);
}

TEST_F(AddressSpaceTest, ActivatingTwiceLoadsOnce) {
  const auto loads = arch::simulation::flushes().table_loads.load();
  space_->activate();
  space_->activate();
  EXPECT_EQ(arch::simulation::flushes().table_loads, loads);
}

// Tables that serve no mapping would be out of reach, below others that go with what they do serve.
TEST_F(AddressSpaceTest, AMoveThatFailsTakesItsTablesAwayBetweenTheMappingsThatAreThere) {
  constexpr std::uint64_t length = 64_MiB;
  constexpr std::uintptr_t to = 0x10000000000, in_the_way = to + length - page_size;
  unsigned failed = 0;
  test::for_each_allocation_failure([&] {
    const auto space = AddressSpace::create(Ref<GuestMemory>(&GuestMemory::host()));
    if (!space) return;
    test::run_in(space->get());
    const auto prepare = [&](std::uintptr_t at, std::uint64_t size) {
      if (!(*space)->map({.address = at, .length = size, .place = Place::fixed, .protection = read_write})) return false;
      for (std::uint64_t done = 0; done < size; done += 2_MiB)
        if (!store(at + done, 1)) return false;
      return true;
    };
    if (!prepare(somewhere, length) || !prepare(in_the_way, page_size)) return;
    const std::uint64_t tables = (*space)->usage().page_table_pages;
    if (!(*space)->remap(somewhere, length, length, {.may_move = true, .fixed = true, .new_address = to})) {
      ++failed;
      ASSERT_EQ((*space)->usage().page_table_pages, tables);
      ASSERT_EQ(load(in_the_way), 1u);
    }
    ASSERT_TRUE((*space)->unmap(to, length));
    test::run_in(nullptr);
  });
  EXPECT_GT(failed, 4u);
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
