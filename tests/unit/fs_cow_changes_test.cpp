// What a view has changed, against a comparison of all that both sides show.
#include <set>

#include "fs/cow/changes.hpp"
#include "fs/cow/view.hpp"
#include "fs_support.hpp"

namespace cv6 {
namespace {

using test::error_of;
using test::Tree;

class CowChangesTest : public test::FsTest {
 protected:
  void SetUp() override {
    FsTest::SetUp();
    owner_ = *GuestMemory::create(GuestMemory::host(), UINT64_MAX);
  }
  void TearDown() override {
    owner_ = nullptr;
    FsTest::TearDown();
  }
  Ref<GuestMemory> owner_;
  Tree view_of(const Tree& lower) { return Tree(*cow::create_view(lower.root(), owner_)); }
};

struct Changes final : cow::ChangeSink {
  Result<void> change(cow::ChangeKind kind, std::string_view path) override {
    EXPECT_TRUE(all.insert(std::string(path)).second) << path << " is told twice";
    // A directory comes before what is in it.
    const std::string above(path.substr(0, path.rfind('/')));
    EXPECT_TRUE(above.empty() || all.contains(above)) << path;
    of[static_cast<char>(kind)].insert(std::string(path));
    return {};
  }
  std::set<std::string> all;
  std::map<char, std::set<std::string>> of;
};

// What must be told, and what may be: a file that was changed may look as before.
struct Expected {
  std::set<std::string> added, removed, changed, may_have_changed;
};

void add_all(Tree& view, const std::string& directory, Expected& expected) {
  for (const std::string& name : view.names(directory)) {
    const std::string path = directory + "/" + name;
    expected.added.insert(path);
    if (view.stat(path, Follow::no)->type == FileType::directory) add_all(view, path, expected);
  }
}

bool looks_the_same(Tree& view, Tree& lower, const std::string& path) {
  const FileStatus a = *view.stat(path, Follow::no), b = *lower.stat(path, Follow::no);
  if (a.type != b.type || a.mode != b.mode) return false;
  if (a.type == FileType::regular) return view.get(path) == lower.get(path);
  return a.type != FileType::symlink || view.link_text(path) == lower.link_text(path);
}

// True: something in the directory differs.
bool compare(Tree& view, Tree& lower, const std::string& directory, Expected& expected) {
  const std::string at = directory.empty() ? "/" : directory;
  bool differs = false;
  for (const std::string& name : view.names(at)) {
    const std::string path = directory + "/" + name;
    const bool is_directory = view.stat(path, Follow::no)->type == FileType::directory;
    const auto below = lower.stat(path, Follow::no);
    if (!below) {
      expected.added.insert(path);
      if (is_directory) add_all(view, path, expected);
      differs = true;
      continue;
    }
    bool changed = !looks_the_same(view, lower, path);
    if (is_directory && below->type == FileType::directory) changed |= compare(view, lower, path, expected);
    else if (is_directory) add_all(view, path, expected);
    // A file that is changed by one name is told by others only once they have been looked up.
    const bool has_other_names = !is_directory && below->links > 1;
    (changed && !has_other_names ? expected.changed : expected.may_have_changed).insert(path);
    differs |= changed && !has_other_names;
  }
  for (const std::string& name : lower.names(at)) {
    if (view.stat(directory + "/" + name, Follow::no)) continue;
    expected.removed.insert(directory + "/" + name);
    differs = true;
  }
  return differs;
}

// If the lower side has changed as well, a name there may be hidden because what it names has its place elsewhere in the
// view: of that, the view keeps nothing that could be told.
enum class LowerSide { as_it_was, changed };

void check(Tree& view, Tree& lower, const GuestMemory& owner, LowerSide lower_side = LowerSide::as_it_was) {
  Changes told;
  ASSERT_TRUE(cow::list_changes(view.root(), owner, told));
  Expected expected;
  compare(view, lower, "", expected);
  EXPECT_EQ(told.of['A'], expected.added);
  for (const std::string& path : told.of['D']) EXPECT_TRUE(expected.removed.contains(path)) << path;
  if (lower_side == LowerSide::as_it_was) {
    EXPECT_EQ(told.of['D'], expected.removed);
    for (const std::string& path : expected.changed) EXPECT_TRUE(told.of['C'].contains(path)) << path;
  }
  for (const std::string& path : told.of['C'])
    EXPECT_TRUE(expected.changed.contains(path) || expected.may_have_changed.contains(path)) << path;
}

void random_change(Tree& tree, std::mt19937& random) {
  const auto path = [&] {
    std::string text;
    for (unsigned parts = 1 + random() % 3; parts; --parts) text += std::string("/") + static_cast<char>('a' + random() % 5);
    return text;
  };
  const std::string a = path(), b = path();
  switch (random() % 9) {
    case 0: (void)tree.mkdir(a); break;
    case 1: (void)tree.symlink(b.substr(1), a); break;
    case 2:
    case 3: {
      const auto file = tree.open(a, open_flag::write | open_flag::create);
      if (!file) break;
      const std::string text(random() % 100, static_cast<char>('A' + random() % 26));
      IoBuffer from = IoBuffer::kernel(std::span(std::string_view(text)));
      (void)(*file)->write_at(from, random() % 5000);
      break;
    }
    case 4: (void)tree.unlink(a); break;
    case 5: (void)tree.rmdir(a); break;
    case 6: (void)tree.link(a, b); break;
    case 7: (void)tree.rename(a, b, static_cast<RenameMode>(random() % 3)); break;
    default: (void)tree.chmod(a, 0400 | random() % 0400); break;
  }
}

TEST_F(CowChangesTest, AreThoseOfAComparison) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Tree host = Tree::on_tmpfs();
    for (int i = 0; i < 200; ++i) random_change(host, random);
    Tree view = view_of(host);
    check(view, host, *owner_);
    for (int i = 0; i < 120; ++i) {
      random_change(view, random);
      if (i % 10 == 0) check(view, host, *owner_);
      if (i % 30 == 7) Dentry::shrink(100);
      if (HasFailure()) return;
    }
  }
}

// Of a view of a view: relative to that, whatever it has changed itself.
TEST_F(CowChangesTest, OfAViewOfAView) {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Tree host = Tree::on_tmpfs();
    for (int i = 0; i < 200; ++i) random_change(host, random);
    Tree outer(*cow::create_view(host.root(), Ref<GuestMemory>(&GuestMemory::host())));
    for (int i = 0; i < 100; ++i) random_change(outer, random);
    Tree inner = view_of(outer);
    check(inner, outer, *owner_);
    for (int i = 0; i < 100; ++i) random_change(inner, random);
    check(inner, outer, *owner_);
    if (HasFailure()) return;
  }
}

// The lower side goes on changing, too: what is told is what differs now.
TEST_F(CowChangesTest, WhileBothSidesChange) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Tree host = Tree::on_tmpfs();
    Tree view = view_of(host);
    for (int i = 0; i < 300; ++i) {
      random_change(random() % 2 ? host : view, random);
      if (i % 25 == 0) check(view, host, *owner_, LowerSide::changed);
      if (HasFailure()) return;
    }
  }
}

TEST_F(CowChangesTest, FailedAllocations) {
  Tree host = Tree::on_tmpfs();
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) random_change(host, random);
  Tree view = view_of(host);
  for (int i = 0; i < 100; ++i) random_change(view, random);
  for (std::uint64_t n = 1;; ++n) {
    Changes told;
    allocation_failures::fail_nth(n);
    const auto outcome = cow::list_changes(view.root(), *owner_, told);
    const bool happened = allocation_failures::happened();
    allocation_failures::fail_nth(0);
    if (!happened) break;
    if (!outcome) EXPECT_TRUE(outcome.error() == Error::nomem || outcome.error() == Error::nospc);
    ASSERT_LT(n, 5000u);
  }
  check(view, host, *owner_);
}

}  // namespace
}  // namespace cv6
