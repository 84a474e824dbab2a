// The descriptor table against a model: the lowest free number, close-on-exec, copies, ranges; and every file is closed
// exactly once.
#include "task/descriptor_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "support/machine.hpp"

namespace cv6 {
namespace {

constexpr std::uint64_t limit = 1000;

int live_files = 0;

class TestFileSystem : public FileSystem {
 public:
  std::string_view type_name() const override { return "test"; }
  FileSystemStatus status() override { return {}; }
};

class TestInode : public Inode {
 public:
  explicit TestInode(Ref<FileSystem> file_system) : Inode(std::move(file_system), {FileType::regular, 0644}) {}
};

class TestFile : public File {
 public:
  explicit TestFile(Ref<Inode> inode) : File(std::move(inode), Positions::none) { ++live_files; }
  ~TestFile() override { --live_files; }
};

class DescriptorTableTest : public test::MachineTest {
 protected:
  Ref<File> file() { return *make<TestFile>(inode_); }
  void TearDown() override {
    table_ = nullptr;
    inode_ = nullptr;
    EXPECT_EQ(live_files, 0);
    test::MachineTest::TearDown();
  }
  void SetUp() override {
    test::MachineTest::SetUp();
    inode_ = *make<TestInode>(Ref<FileSystem>(*make<TestFileSystem>()));
    table_ = *DescriptorTable::create(nullptr);
  }
  Ref<Inode> inode_;
  Ref<DescriptorTable> table_;
};

TEST_F(DescriptorTableTest, LowestFreeNumber) {
  for (int i = 0; i < 200; ++i) EXPECT_EQ(*table_->add(file(), CloseOnExec::no, limit), i);
  EXPECT_TRUE(table_->remove(7));
  EXPECT_TRUE(table_->remove(130));
  EXPECT_EQ(*table_->add(file(), CloseOnExec::no, limit), 7);
  EXPECT_EQ(*table_->add(file(), CloseOnExec::no, limit), 130);
  EXPECT_EQ(*table_->add(file(), CloseOnExec::no, limit, 500), 500);
  EXPECT_EQ(*table_->add(file(), CloseOnExec::no, limit, 500), 501);
  EXPECT_EQ(*table_->add(file(), CloseOnExec::no, limit), 200);
}

TEST_F(DescriptorTableTest, Limits) {
  EXPECT_EQ(table_->add(file(), CloseOnExec::no, 0).error(), Error::mfile);
  EXPECT_EQ(*table_->add(file(), CloseOnExec::no, 1), 0);
  EXPECT_EQ(table_->add(file(), CloseOnExec::no, 1).error(), Error::mfile);
  EXPECT_EQ(table_->add(file(), CloseOnExec::no, 10, 10).error(), Error::inval);
  EXPECT_EQ(table_->add(file(), CloseOnExec::no, 10, -1).error(), Error::inval);
  EXPECT_EQ(table_->put(10, file(), CloseOnExec::no, 10).error(), Error::badf);
  EXPECT_EQ(table_->put(-1, file(), CloseOnExec::no, 10).error(), Error::badf);
  EXPECT_TRUE(table_->put(9, file(), CloseOnExec::no, 10));
}

TEST_F(DescriptorTableTest, ReservedNumbersAreTakenAndNotOpen) {
  auto reserved = table_->reserve_number(limit);
  ASSERT_TRUE(reserved);
  EXPECT_EQ(table_->use(0).error(), Error::badf);
  EXPECT_EQ(table_->remove(0).error(), Error::badf);
  EXPECT_EQ(table_->next(0), -1);
  EXPECT_EQ(table_->put(0, file(), CloseOnExec::no, limit).error(), Error::busy);
  EXPECT_EQ(*table_->add(file(), CloseOnExec::no, limit), 1);
  const auto copy = *table_->copy();
  EXPECT_EQ(copy->open_count(), 1u);
  EXPECT_EQ(*copy->add(file(), CloseOnExec::no, limit), 0) << "it is reserved in the other one only";
  table_->close_all();
  EXPECT_EQ(*table_->add(file(), CloseOnExec::no, limit), 1) << "closing leaves it reserved";
  EXPECT_EQ(reserved->fill(file(), CloseOnExec::yes), 0);
  EXPECT_EQ(*table_->close_on_exec(0), CloseOnExec::yes);
  EXPECT_TRUE(table_->reserve_number(limit)) << "and it is given back at once";
  EXPECT_EQ(*table_->add(file(), CloseOnExec::no, limit), 2);
}

TEST_F(DescriptorTableTest, HasNumbersOfItsContainer) {
  DescriptorNumbers outer, inner;
  inner.counter().hang_below(outer.counter());
  auto first = *DescriptorTable::create(&outer);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(first->container_number(*first->add(file(), CloseOnExec::no, limit)), i);
  auto second = *first->copy();
  EXPECT_EQ(outer.counter().counts().current, 200u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(second->container_number(i), 100 + i);
  EXPECT_TRUE(first->remove(7));
  EXPECT_EQ(second->container_number(*second->add(file(), CloseOnExec::no, limit, 500)), 7) << "the lowest that is free";
  EXPECT_TRUE(second->put(3, file(), CloseOnExec::no, limit));
  EXPECT_EQ(second->container_number(3), 103) << "what is replaced keeps its number";

  inner.counter().set_limit(50);
  EXPECT_EQ(first->move_down_to(inner).error(), Error::again);
  inner.counter().set_limit(ResourceCounter::unlimited);
  EXPECT_TRUE(first->move_down_to(inner));
  EXPECT_EQ(inner.counter().counts().current, 99u);
  EXPECT_EQ(outer.counter().counts().current, 200u);
  EXPECT_EQ(first->container_number(0), 0);
  first->move_up_to(&outer);
  EXPECT_EQ(inner.counter().counts().current, 0u);

  outer.counter().set_limit(200);
  EXPECT_EQ(first->add(file(), CloseOnExec::no, limit).error(), Error::mfile);
  EXPECT_EQ(first->copy().error(), Error::again);
  first = nullptr;
  second = nullptr;
  EXPECT_EQ(outer.counter().counts().current, 0u);
}

// Large tables are copied and renumbered in parts: what comes out is the same.
TEST_F(DescriptorTableTest, LargeOnesInParts) {
  constexpr int files = 3000;
  constexpr std::uint64_t many = 10'000;
  DescriptorNumbers outer, inner;
  inner.counter().hang_below(outer.counter());
  auto table = *DescriptorTable::create(&outer);
  for (int i = 0; i < files; ++i)
    ASSERT_EQ(*table->add(file(), i % 3 ? CloseOnExec::no : CloseOnExec::yes, many), i);
  for (const int gap : {700, 701, 2048}) ASSERT_TRUE(table->remove(gap));
  const auto reserved = table->reserve_number(many);  // 700
  ASSERT_EQ(*table->add(file(), CloseOnExec::yes, many, 9000), 9000);

  auto copy = *table->copy();
  EXPECT_EQ(copy->open_count(), table->open_count() - 1);
  for (int i = 0; i <= 9000; ++i) {
    const auto there = table->get(i), here = copy->get(i);
    ASSERT_EQ(there.has_value(), here.has_value()) << i;
    if (!there) continue;
    ASSERT_EQ(here->get(), there->get()) << i;
    ASSERT_EQ(*copy->close_on_exec(i), *table->close_on_exec(i)) << i;
  }
  for (const int free : {700, 701, 2048, files}) EXPECT_EQ(*copy->add(file(), CloseOnExec::no, many), free);

  ASSERT_TRUE(copy->move_down_to(inner));
  EXPECT_EQ(inner.counter().counts().current, copy->open_count());
  std::vector<bool> seen(copy->open_count());
  for (int at = -1; (at = copy->next(static_cast<unsigned>(at) + 1)) >= 0;) {
    const auto number = static_cast<std::size_t>(copy->container_number(at));
    ASSERT_LT(number, seen.size());
    ASSERT_FALSE(seen[number]);
    seen[number] = true;
  }
  copy->move_up_to(nullptr);
  EXPECT_EQ(copy->container_number(0), -1);
  EXPECT_EQ(inner.counter().counts().current, 0u);
  EXPECT_EQ(outer.counter().counts().current, table->open_count());
}

TEST_F(DescriptorTableTest, BadNumbers) {
  for (const int number : {-1, 0, 64, 1 << 30, INT32_MIN, INT32_MAX}) {
    EXPECT_EQ(table_->use(number).error(), Error::badf);
    EXPECT_EQ(table_->get(number).error(), Error::badf);
    EXPECT_EQ(table_->remove(number).error(), Error::badf);
    EXPECT_EQ(table_->close_on_exec(number).error(), Error::badf);
  }
  table_->share();
  EXPECT_EQ(table_->use(-1).error(), Error::badf);
}

TEST_F(DescriptorTableTest, AFileInUseOutlivesItsNumberWhenShared) {
  table_->share();
  EXPECT_EQ(*table_->add(file(), CloseOnExec::no, limit), 0);
  {
    auto used = table_->use(0);
    ASSERT_TRUE(used);
    EXPECT_TRUE(table_->remove(0));
    EXPECT_EQ(live_files, 1);
  }
  EXPECT_EQ(live_files, 0);
}

TEST_F(DescriptorTableTest, PairsAreBothOrNone) {
  int numbers[2];
  EXPECT_TRUE(table_->add_pair(file(), file(), CloseOnExec::yes, limit, numbers));
  EXPECT_EQ(numbers[1], 1);
  EXPECT_EQ(table_->add_pair(file(), file(), CloseOnExec::yes, 3, numbers).error(), Error::mfile);
  EXPECT_EQ(table_->open_count(), 2u);
}

TEST_F(DescriptorTableTest, AgainstAModel) {
  std::mt19937 random(3);
  std::map<int, std::pair<File*, CloseOnExec>> model;
  auto lowest = [&](int from) {
    while (model.contains(from)) ++from;
    return from;
  };
  for (int step = 0; step < 20'000; ++step) {
    const int number = static_cast<int>(random() % 300);
    const auto flag = random() % 2 ? CloseOnExec::yes : CloseOnExec::no;
    switch (random() % 8) {
      case 0:
      case 1:
      case 2: {
        const int from = random() % 2 ? 0 : number;
        Ref<File> fresh = file();
        File* raw = fresh.get();
        const int expected = lowest(from);
        ASSERT_EQ(*table_->add(std::move(fresh), flag, limit, from), expected);
        model[expected] = {raw, flag};
        break;
      }
      case 3: {
        Ref<File> fresh = file();
        model[number] = {fresh.get(), flag};
        ASSERT_TRUE(table_->put(number, std::move(fresh), flag, limit));
        break;
      }
      case 4:
      case 5: ASSERT_EQ(table_->remove(number).has_value(), model.erase(number) == 1); break;
      case 6: {
        if (random() % 16) break;
        const unsigned last = static_cast<unsigned>(number) + random() % 200;
        if (random() % 2) {
          table_->close_range(static_cast<unsigned>(number), last, DescriptorTable::CloseRange::mark);
          for (auto& [at, one] : model)
            if (at >= number && at <= static_cast<int>(last)) one.second = CloseOnExec::yes;
          break;
        }
        table_->close_range(static_cast<unsigned>(number), last, DescriptorTable::CloseRange::close);
        std::erase_if(model, [&](auto& one) { return one.first >= number && one.first <= static_cast<int>(last); });
        break;
      }
      case 7: {
        if (random() % 32) break;
        auto copy = *table_->copy();
        copy->close_marked();
        std::erase_if(model, [](auto& one) { return one.second.second == CloseOnExec::yes; });
        table_ = std::move(copy);
        break;
      }
    }
    ASSERT_EQ(table_->open_count(), model.size());
    ASSERT_EQ(live_files, static_cast<int>(model.size()));
    const auto found = table_->use(number);
    ASSERT_EQ(found.has_value(), model.contains(number));
    if (found) ASSERT_EQ(found->get(), model[number].first);
    if (found) ASSERT_EQ(*table_->close_on_exec(number), model[number].second);
  }
}

}  // namespace
}  // namespace cv6
