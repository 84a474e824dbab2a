// What processors remember of page tables, and when they are told to forget it.
#include "arch/target/simulation.hpp"
#include "vm_address_space.hpp"

namespace cv6 {
namespace {

class TranslationCacheTest : public AddressSpaceTest {};

// The simulated processor keeps translations until it is told; so does another one that has the table loaded.
TEST_F(TranslationCacheTest, OtherProcessorsForgetWhatIsUnmapped) {
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

TEST_F(TranslationCacheTest, ABarrierDisturbsOnlyProcessorsThatHaveTheTables) {
  const auto others = arch::simulation::flushes().others.load();
  space_->barrier();
  EXPECT_EQ(arch::simulation::flushes().others, others);
  arch::simulation::use_cpu(1);
  space_->activate();
  arch::simulation::use_cpu(0);
  space_->barrier();
  EXPECT_EQ(arch::simulation::flushes().others, others + 1);
}

TEST_F(TranslationCacheTest, NoProcessorIsLeftWithTheTablesOfADeadAddressSpace) {
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

TEST_F(TranslationCacheTest, ActivatingTwiceLoadsOnce) {
  const auto loads = arch::simulation::flushes().table_loads.load();
  space_->activate();
  space_->activate();
  EXPECT_EQ(arch::simulation::flushes().table_loads, loads);
}

}  // namespace
}  // namespace cv6
