// The index of a file's pages against maps of what each index should hold, sharing included.
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "support/machine.hpp"
#include "vm/page_index.hpp"

namespace cv6 {
namespace {

using PageIndexTest = test::MachineTest;

FrameRef page_with(std::uint64_t value) {
  FrameRef page = *GuestMemory::host().take(FrameUse::file_page, Fill::zero);
  *static_cast<std::uint64_t*>(page.data()) = value;
  return page;
}
std::uint64_t value_of(const Frame* page) { return page ? *static_cast<const std::uint64_t*>(page->data()) : 0; }

// What a file's cache does to write a page.
bool write(PageIndex& index, std::uint64_t at, std::uint64_t value) {
  const auto place = index.own(at);
  if (!place) return false;
  if (**place && !PageIndex::is_shared(***place))
    *static_cast<std::uint64_t*>((**place)->data()) = value;
  else
    (void)index.put(*place, page_with(value));
  return true;
}

TEST_F(PageIndexTest, OnePageNeedsNoNodes) {
  PageIndex index;
  ASSERT_TRUE(write(index, 0, 7));
  EXPECT_EQ(value_of(index.find(0)), 7u);
  EXPECT_EQ(index.find(1), nullptr);
  EXPECT_EQ(test::accounts().objects["page_index_node"], 0u);
  ASSERT_TRUE(write(index, 1, 8));
  EXPECT_EQ(value_of(index.find(0)), 7u);
  EXPECT_EQ(index.count(), 2u);
}

TEST_F(PageIndexTest, ReachesTheLastIndex) {
  PageIndex index;
  ASSERT_TRUE(write(index, PageIndex::last_index, 3));
  ASSERT_TRUE(write(index, 5, 4));
  EXPECT_EQ(value_of(index.find(PageIndex::last_index)), 3u);
  std::uint64_t next = 0;
  ASSERT_TRUE(index.next_page(6, next));
  EXPECT_EQ(next, PageIndex::last_index);
  EXPECT_FALSE(index.own(PageIndex::last_index + 1));
  index.truncate(6);
  EXPECT_EQ(index.count(), 1u);
}

TEST_F(PageIndexTest, FirstWriteToABigSharedFileCopiesOnePageAndThreeNodes) {
  PageIndex file;
  for (std::uint64_t i = 0; i < 16384; ++i) ASSERT_TRUE(write(file, i, i + 1));
  const auto before = test::accounts();
  PageIndex twin;
  twin.share_from(file);
  EXPECT_EQ(twin.count(), 16384u);
  EXPECT_EQ(test::accounts().objects["page_index_node"], before.objects.at("page_index_node"));
  ASSERT_TRUE(write(twin, 9999, 1));
  EXPECT_EQ(test::accounts().pages, before.pages + 1);
  EXPECT_EQ(test::accounts().objects["page_index_node"], before.objects.at("page_index_node") + 3);
  EXPECT_EQ(value_of(file.find(9999)), 10000u);
  EXPECT_EQ(value_of(twin.find(9999)), 1u);
}

TEST_F(PageIndexTest, ThePageIsWrittenInPlaceOnceTheOtherIsGone) {
  PageIndex file;
  for (std::uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(write(file, i, i + 1));
  {
    PageIndex twin;
    twin.share_from(file);
    ASSERT_TRUE(write(twin, 3, 1));
  }
  const Frame* page = file.find(4);
  ASSERT_TRUE(write(file, 4, 77));
  EXPECT_EQ(file.find(4), page);
}

// One index and its model.
struct Subject {
  PageIndex index;
  std::map<std::uint64_t, std::uint64_t> model;

  void check() const {
    ASSERT_EQ(index.count(), model.size());
    for (const auto& [at, value] : model) ASSERT_EQ(value_of(index.find(at)), value) << at;
    std::uint64_t at = 0;
    for (const auto& [expected, value] : model) {
      ASSERT_TRUE(index.next_page(at, at));
      ASSERT_EQ(at, expected);
      ++at;
    }
    std::uint64_t beyond;
    ASSERT_FALSE(index.next_page(at, beyond));
  }
};

class Randomised {
 public:
  explicit Randomised(unsigned seed) : random_(seed) {
    for (int i = 0; i < 4; ++i) subjects_.push_back(std::make_unique<Subject>());
  }
  // With allocations that fail now and then: an operation that fails has changed nothing (erase: a part).
  void step(bool failures) {
    Subject& subject = *subjects_[random_() % subjects_.size()];
    const std::uint64_t limit = random_() % 4 ? 300 : 70000;
    const std::uint64_t at = random_() % limit;
    allocation_failures::fail_nth(failures ? random_() % 4 : 0);
    switch (random_() % 20) {
      case 0:
        truncate(subject, at);
        break;
      case 1:
        erase(subject, at, at + random_() % limit);
        break;
      case 2:
        share(subject, *subjects_[random_() % subjects_.size()]);
        break;
      default:
        put(subject, at, random_() + 1);
        break;
    }
    allocation_failures::fail_nth(0);
  }
  void check() const {
    for (const auto& subject : subjects_) subject->check();
  }

 private:
  void put(Subject& subject, std::uint64_t at, std::uint64_t value) {
    const auto place = subject.index.own(at);
    allocation_failures::fail_nth(0);
    if (!place) return;
    ASSERT_TRUE(write(subject.index, at, value));
    subject.model[at] = value;
  }
  void truncate(Subject& subject, std::uint64_t at) {
    subject.index.truncate(at);
    subject.model.erase(subject.model.lower_bound(at), subject.model.end());
  }
  void erase(Subject& subject, std::uint64_t first, std::uint64_t last) {
    if (!subject.index.erase(first, last)) {
      allocation_failures::fail_nth(0);
      ASSERT_TRUE(subject.index.erase(first, last));
    }
    subject.model.erase(subject.model.lower_bound(first), subject.model.upper_bound(last));
  }
  void share(Subject& subject, Subject& other) {
    if (&subject == &other) return;
    subject.index = PageIndex();
    subject.index.share_from(other.index);
    subject.model = other.model;
  }

  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Subject>> subjects_;
};

TEST_F(PageIndexTest, RandomOperationsOnSharedIndexes) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    Randomised run(seed);
    for (int step = 0; step < 2000; ++step) {
      run.step(seed % 2 != 0);
      if (step % 100 == 0) run.check();
      if (HasFatalFailure()) return;
    }
    run.check();
  }
}

}  // namespace
}  // namespace cv6
