// What programs see of mremap.
#include "vm_address_space.hpp"

namespace cv6 {
namespace {

class RemapTest : public AddressSpaceTest {};

TEST_F(RemapTest, RemapGrowsInPlaceMovesAndShrinks) {
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

TEST_F(RemapTest, RemapToAFixedPlaceReplacesWhatIsThere) {
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

TEST_F(RemapTest, RemapCanKeepOrDoubleAMapping) {
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

// Tables that serve no mapping would be out of reach, below others that go with what they do serve.
TEST_F(RemapTest, AMoveThatFailsTakesItsTablesAwayBetweenTheMappingsThatAreThere) {
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

}  // namespace
}  // namespace cv6
