// Copy-on-write views: against a full copy of the lower tree at random, and sentence by sentence.
#include <array>
#include <set>

#include "fs/cow/view.hpp"
#include "fs_support.hpp"

namespace cv6 {
namespace {

using test::error_of;
using test::Tree;
using CowTest = test::FsTest;

Tree view_of(const Tree& lower) {
  return Tree(*cow::create_view(lower.root(), Ref<GuestMemory>(&GuestMemory::host())));
}

void fill(Tree& tree) {
  ASSERT_TRUE(tree.mkdir("/etc"));
  ASSERT_TRUE(tree.mkdir("/etc/deep"));
  ASSERT_TRUE(tree.mkdir("/etc/deep/er"));
  ASSERT_TRUE(tree.mkdir("/empty"));
  tree.put("/etc/motd", "welcome");
  tree.put("/etc/deep/file", "deep file");
  tree.put("/etc/deep/er/bottom", std::string(10000, 'x'));
  ASSERT_TRUE(tree.link("/etc/motd", "/etc/deep/motd"));
  ASSERT_TRUE(tree.symlink("etc/motd", "/link"));
  ASSERT_TRUE(tree.symlink("deep", "/etc/short"));
}

TEST_F(CowTest, ShowsWhatIsBelowAsItIsNow) {
  Tree host = Tree::on_tmpfs();
  fill(host);
  Tree box = view_of(host);
  EXPECT_EQ(box.describe(), host.describe());
  host.put("/etc/motd", "changed");
  host.put("/new", "made later");
  ASSERT_TRUE(host.rename("/etc/deep", "/etc/deeper"));
  ASSERT_TRUE(host.chmod("/etc", 0700));
  EXPECT_EQ(box.get("/etc/motd"), "changed");
  EXPECT_EQ(box.get("/new"), "made later");
  EXPECT_EQ(box.get("/etc/deeper/file"), "deep file");
  EXPECT_EQ(box.describe(), host.describe());
}

TEST_F(CowTest, KeepsChangesToItself) {
  Tree host = Tree::on_tmpfs();
  fill(host);
  const std::string before = host.describe();
  Tree box = view_of(host);
  box.put("/etc/motd", "mine");
  box.put("/etc/deep/er/new", "new");
  ASSERT_TRUE(box.unlink("/etc/deep/file"));
  ASSERT_TRUE(box.rmdir("/empty"));
  ASSERT_TRUE(box.chmod("/etc/deep", 0711));
  ASSERT_TRUE(box.rename("/etc/deep/er", "/moved"));
  EXPECT_EQ(host.describe(), before);
  EXPECT_EQ(box.get("/etc/motd"), "mine");
  EXPECT_EQ(box.get("/etc/deep/motd"), "mine");  // the other name of the same file
  EXPECT_EQ(box.stat("/etc/motd")->number, box.stat("/etc/deep/motd")->number);
  EXPECT_EQ(error_of(box.find("/etc/deep/file")), Error::noent);
  EXPECT_EQ(box.get("/moved/new"), "new");
  EXPECT_EQ(box.get("/moved/bottom"), std::string(10000, 'x'));
}

TEST_F(CowTest, ALaterWriteBelowIsNotSeenInAChangedFile) {
  Tree host = Tree::on_tmpfs();
  host.put("/f", std::string(3 * page_size, 'a'));
  Tree box = view_of(host);
  const Ref<File> open = *box.open("/f", open_flag::read | open_flag::write);
  char byte = 'b';
  IoBuffer from = IoBuffer::kernel(std::span<const char>(&byte, 1));
  ASSERT_TRUE(open->write_at(from, page_size));
  host.put("/f", std::string(3 * page_size, 'c'));
  std::string expected(3 * page_size, 'a');
  expected[page_size] = 'b';
  EXPECT_EQ(box.get("/f"), expected);
  EXPECT_EQ(Tree::read_all(*open), expected);
  EXPECT_EQ(host.get("/f"), std::string(3 * page_size, 'c'));
}

TEST_F(CowTest, ChangingOneByteCostsOnePage) {
  Tree host = Tree::on_tmpfs();
  host.put("/big", std::string(400 * page_size, 'a'));
  Tree box = view_of(host);
  const Ref<File> open = *box.open("/big", open_flag::write);
  const std::uint64_t before = GuestMemory::host().counters().pages;
  char byte = 'b';
  IoBuffer from = IoBuffer::kernel(std::span<const char>(&byte, 1));
  ASSERT_TRUE(open->write_at(from, 123456));
  EXPECT_LE(GuestMemory::host().counters().pages - before, 6u);  // the page, its place in the index, the inode
}

TEST_F(CowTest, AnOpenFileSeesTheViewsWrites) {
  Tree host = Tree::on_tmpfs();
  host.put("/f", "old");
  Tree box = view_of(host);
  const Ref<File> reader = *box.open("/f", open_flag::read);
  EXPECT_EQ(Tree::read_all(*reader), "old");
  box.put("/f", "newer");
  EXPECT_EQ(Tree::read_all(*reader), "newer");
}

TEST_F(CowTest, AChangedFileKeepsItsNameWhateverHappensBelow) {
  Tree host = Tree::on_tmpfs();
  fill(host);
  Tree box = view_of(host);
  box.put("/etc/deep/file", "changed");
  ASSERT_TRUE(host.unlink("/etc/deep/file"));
  EXPECT_EQ(box.get("/etc/deep/file"), "changed");
  ASSERT_TRUE(host.rename("/etc/deep", "/elsewhere"));
  Dentry::shrink(1000);
  EXPECT_EQ(box.get("/etc/deep/file"), "changed");
  EXPECT_EQ(box.get("/etc/deep/er/bottom"), std::string(10000, 'x'));  // still merged with where it is now
  EXPECT_EQ(error_of(box.find("/elsewhere")), Error::noent);           // it has its place
  EXPECT_EQ(box.names("/"), (std::vector<std::string>{"empty", "etc", "link"}));
}

TEST_F(CowTest, AFileRemovedBelowWhileOpenDoesNotComeBack) {
  Tree host = Tree::on_tmpfs();
  host.put("/f", "text");
  Tree box = view_of(host);
  const Ref<File> open = *box.open("/f", open_flag::write);
  ASSERT_TRUE(host.unlink("/f"));
  IoBuffer from = IoBuffer::kernel(std::span(std::string_view("more")));
  ASSERT_TRUE(open->write(from));
  EXPECT_EQ(error_of(box.find("/f")), Error::noent);
}

TEST_F(CowTest, ADirectoryRemovedAndMadeAgainIsEmpty) {
  Tree host = Tree::on_tmpfs();
  ASSERT_TRUE(host.mkdir("/d"));
  Tree box = view_of(host);
  ASSERT_TRUE(box.rmdir("/d"));
  ASSERT_TRUE(box.mkdir("/d"));
  host.put("/d/f", "below");
  EXPECT_TRUE(box.names("/d").empty());
  EXPECT_EQ(host.names("/d").size(), 1u);
}

TEST_F(CowTest, NamesThatTheViewHasNotSeenLeadToTheChangedFile) {
  Tree host = Tree::on_tmpfs();
  host.put("/a", "one");
  ASSERT_TRUE(host.link("/a", "/b"));
  Tree box = view_of(host);
  box.put("/a", "two");
  ASSERT_TRUE(box.unlink("/a"));
  Dentry::shrink(1000);
  EXPECT_EQ(box.get("/b"), "two");
  EXPECT_EQ(box.stat("/b")->links, 1u);
  EXPECT_EQ(host.get("/b"), "one");
}

// The view holds such files, until it is unmounted or their last name is gone.
TEST_F(CowTest, ChangedFilesOfSeveralNamesGoWithTheView) {
  constexpr int files = 1000;
  const Ref<GuestMemory> owner = *GuestMemory::create(GuestMemory::host(), UINT64_MAX);
  Tree host = Tree::on_tmpfs();
  for (int i = 0; i < files; ++i) {
    const std::string name = "/" + std::to_string(i);
    host.put(name, "one");
    ASSERT_TRUE(host.link(name, name + "-too"));
  }
  {
    Tree box(*cow::create_view(host.root(), owner));
    for (int i = 0; i < files; ++i) {
      const std::string name = "/" + std::to_string(i);
      ASSERT_TRUE(box.chmod(name, 0600));
      if (i % 3 == 0) ASSERT_TRUE(box.unlink(name));
      if (i % 6 == 0) ASSERT_TRUE(box.unlink(name + "-too"));
    }
  }
  EXPECT_EQ(owner->counters().pages, 0u);
}

TEST_F(CowTest, AFifoOfAViewIsItsOwn) {
  Tree host = Tree::on_tmpfs();
  ASSERT_TRUE(make_node(host.caller(), host.at("/fifo"), FileType::fifo, 0644, 0));
  Tree box = view_of(host);
  const Ref<File> mine = *box.open("/fifo", open_flag::read | open_flag::write | open_flag::nonblock);
  const Ref<File> hosts = *host.open("/fifo", open_flag::read | open_flag::write | open_flag::nonblock);
  IoBuffer from = IoBuffer::kernel(std::span(std::string_view("x")));
  ASSERT_TRUE(mine->write(from));
  char byte;
  IoBuffer to = IoBuffer::kernel(std::span(&byte, 1));
  EXPECT_EQ(error_of(hosts->read(to)), Error::again);
  EXPECT_EQ(*mine->read(to), 1u);
}

TEST_F(CowTest, ListsEachNameOnceWhileFilesChange) {
  Tree host = Tree::on_tmpfs();
  for (int i = 0; i < 300; ++i) host.put("/f" + std::to_string(i), "x");
  Tree box = view_of(host);
  for (int i = 0; i < 50; ++i) box.put("/g" + std::to_string(i), "x");
  struct Sink final : DirectorySink {
    bool entry(std::string_view name, std::uint64_t, FileType, std::uint64_t) override {
      if (room == 0) return false;
      --room;
      ++seen[std::string(name)];
      return true;
    }
    std::map<std::string, int> seen;
    int room = 0;
  } sink;
  const Ref<File> directory = *box.open("/", open_flag::read);
  for (int i = 0; i < 400; ++i) {
    sink.room = 3;
    ASSERT_TRUE(directory->read_directory(sink));
    ASSERT_TRUE(box.chmod("/f" + std::to_string((i * 7) % 300), 0600));
    Dentry::shrink(10);
  }
  EXPECT_EQ(sink.seen.size(), 352u);
  for (const auto& [name, times] : sink.seen) EXPECT_EQ(times, 1) << name;
}

TEST_F(CowTest, ViewsOfMountsComeWithTheTree) {
  Tree host = Tree::on_tmpfs();
  ASSERT_TRUE(host.mkdir("/dev"));
  {
    Ref<Dentry> dev = *tmpfs::create(Ref<GuestMemory>(&GuestMemory::host()), {});
    ASSERT_TRUE(Mount::attach(*host.find("/dev"), dev, "dev"));
  }
  host.put("/dev/null", "device");
  {
    Tree box(*cow::create_view_of_tree(host.root(), host.root(), Ref<GuestMemory>(&GuestMemory::host())));
    EXPECT_EQ(box.get("/dev/null"), "device");
    ASSERT_TRUE(box.unlink("/dev/null"));
    EXPECT_EQ(error_of(box.rmdir("/dev")), Error::busy);
    EXPECT_EQ(host.get("/dev/null"), "device");
    Tree inner(*cow::create_view_of_tree(box.root(), box.root(), Ref<GuestMemory>(&GuestMemory::host())));
    EXPECT_TRUE(inner.names("/dev").empty());
  }
}

TEST_F(CowTest, AViewIsSmall) {
  Tree host = Tree::on_tmpfs();
  fill(host);
  std::vector<Path> views;
  for (int i = 0; i < 1000; ++i)
    views.push_back(*cow::create_view(host.root(), Ref<GuestMemory>(&GuestMemory::host())));
}

// --- at random: a view and a full copy behave the same -------------------------------------------------------------------

struct Step {
  unsigned kind;
  std::string a, b, text;
  RenameMode mode;
  std::uint64_t offset;
};

std::string random_path(std::mt19937& random) {
  static constexpr std::array<const char*, 5> components = {"a", "b", "c", "d", "e"};
  std::string path;
  for (unsigned parts = 1 + random() % 3; parts; --parts) path += std::string("/") + components[random() % 5];
  return path;
}

Step random_step(std::mt19937& random) {
  Step step;
  step.kind = random() % 10;
  step.a = random_path(random);
  step.b = random_path(random);
  step.text = std::string(1 + random() % 3000, static_cast<char>('A' + random() % 26));
  step.mode = static_cast<RenameMode>(random() % 3);
  step.offset = random() % 9000;
  return step;
}

std::optional<Error> write_some(Tree& tree, const Step& step) {
  const Result<Ref<File>> file = tree.open(step.a, open_flag::write);
  if (!file) return file.error();
  IoBuffer from = IoBuffer::kernel(std::span(std::string_view(step.text)));
  return error_of((*file)->write_at(from, step.offset));
}

std::optional<Error> apply(Tree& tree, const Step& step) {
  switch (step.kind) {
    case 0: return error_of(tree.mkdir(step.a));
    case 1: return error_of(tree.symlink(step.b.substr(1), step.a));
    case 2: return error_of(tree.open(step.a, open_flag::write | open_flag::create));
    case 3: return error_of(tree.unlink(step.a));
    case 4: return error_of(tree.rmdir(step.a));
    case 5: return error_of(tree.link(step.a, step.b));
    case 6: return error_of(tree.rename(step.a, step.b, step.mode));
    case 7: return write_some(tree, step);
    case 8: return error_of(tree.chmod(step.a, 0400 | step.offset % 0400));
    default: {
      const Result<Path> path = tree.find(step.a);
      return path ? error_of(truncate(tree.caller(), *path, step.offset)) : path.error();
    }
  }
}

// Builds the same tree twice, gives one to a stack of views, and then does the same to the top view and to the copy.
void view_behaves_like_a_copy(unsigned seed, unsigned depth) {
  std::mt19937 random(seed);
  Tree lower = Tree::on_tmpfs();
  Tree copy = Tree::on_tmpfs();
  std::vector<Tree> views{lower};
  std::vector<std::string> frozen;
  for (unsigned level = 0; level <= depth; ++level) {
    for (int i = 0; i < 300; ++i) {
      const Step step = random_step(random);
      const auto expected = apply(copy, step);
      ASSERT_EQ(apply(views.back(), step), expected)
          << "level " << level << " step " << i << " kind " << step.kind << " " << step.a << " " << step.b;
      if (i % 16 == 0) ASSERT_EQ(views.back().describe(), copy.describe()) << "level " << level << " step " << i;
      if (i % 64 == 5) Dentry::shrink(200);
    }
    ASSERT_EQ(views.back().describe(), copy.describe());
    for (unsigned below = 0; below < level; ++below) ASSERT_EQ(views[below].describe(), frozen[below]) << below;
    frozen.push_back(views.back().describe());
    if (level < depth) views.push_back(view_of(views.back()));
  }
  while (!views.empty()) views.pop_back();
}

TEST_F(CowTest, BehavesLikeACopy) {
  for (unsigned seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(seed);
    view_behaves_like_a_copy(seed, 1);
    if (HasFatalFailure()) return;
  }
}

TEST_F(CowTest, ViewsOverViewsBehaveLikeACopy) {
  for (unsigned seed = 100; seed <= 108; ++seed) {
    SCOPED_TRACE(seed);
    view_behaves_like_a_copy(seed, 4);
    if (HasFatalFailure()) return;
  }
}

// Both sides change at random: nothing breaks, nothing of the view is seen below, nothing leaks.
TEST_F(CowTest, BothSidesChange) {
  for (unsigned seed = 1; seed <= 15; ++seed) {
    std::mt19937 random(seed);
    Tree lower = Tree::on_tmpfs();
    Tree copy = Tree::on_tmpfs();
    Tree box = view_of(lower);
    for (int i = 0; i < 1500; ++i) {
      const Step step = random_step(random);
      if (random() % 2) {
        const auto expected = apply(copy, step);
        ASSERT_EQ(apply(lower, step), expected);
      } else {
        (void)apply(box, step);
      }
      if (i % 64 == 0) {
        ASSERT_EQ(lower.describe(), copy.describe());
        const std::string seen = box.describe();
        ASSERT_EQ(seen.find("not there"), std::string::npos) << seen;
      }
      if (i % 100 == 50) Dentry::shrink(300);
    }
  }
}

TEST_F(CowTest, FailedAllocationsChangeNothing) {
  for (std::uint64_t n = 1;; ++n) {
    Tree host = Tree::on_tmpfs();
    fill(host);
    const std::string before = host.describe();
    Tree box = view_of(host);
    allocation_failures::fail_nth(n);
    (void)box.rename("/etc/deep/file", "/etc/moved");
    (void)box.link("/etc/motd", "/etc/third");
    (void)box.unlink("/etc/deep/motd");
    (void)box.rmdir("/empty");
    (void)box.chmod("/etc/deep/er/bottom", 0700);
    (void)box.open("/etc/deep/er/new", open_flag::write | open_flag::create);
    const bool happened = allocation_failures::happened();
    allocation_failures::fail_nth(0);
    ASSERT_EQ(host.describe(), before);
    ASSERT_EQ(box.describe().find("not there"), std::string::npos);
    if (!happened) break;
    ASSERT_LT(n, 1000u);
  }
}

}  // namespace
}  // namespace cv6
