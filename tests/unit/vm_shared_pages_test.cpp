// Pages that several have: after fork, of files, lent to other files.
#include "vm_address_space.hpp"

namespace cv6 {
namespace {

class SharedPagesTest : public AddressSpaceTest {};

// Only what another file is lent is protected from writing; all of it, for a file that becomes a twin.
TEST_F(SharedPagesTest, LentPagesAreWriteProtected) {
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
TEST_F(SharedPagesTest, APageThatGoesIsFoundInEveryMapping) {
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

TEST_F(SharedPagesTest, ForkCopiesOnWrite) {
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

TEST_F(SharedPagesTest, ForkHonoursAdvice) {
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

TEST_F(SharedPagesTest, SharedAnonymousMemoryIsSharedByFork) {
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

TEST_F(SharedPagesTest, FutexKeysTellPrivateMemoryApart) {
  const std::uintptr_t at = *map(1);
  const auto child = *space_->fork();
  EXPECT_FALSE(*space_->futex_key(at) == *child->futex_key(at));
  EXPECT_EQ(space_->futex_key(somewhere).error(), Error::fault);
}

TEST_F(SharedPagesTest, PrivateFileMappingsSeeTheFileUntilTheyWrite) {
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

TEST_F(SharedPagesTest, SharedFileMappingsWriteTheFile) {
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

TEST_F(SharedPagesTest, PagesMappedByManyAreNotCopiedOnWrite) {
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

TEST_F(SharedPagesTest, TruncationTakesPagesAway) {
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

TEST_F(SharedPagesTest, TwinsOfAFileDoNotSeeEachOther) {
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

}  // namespace
}  // namespace cv6
