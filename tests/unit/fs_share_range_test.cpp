// Copies that share pages: against strings, at random, and sentence by sentence.
#include "fs/cow/view.hpp"
#include "fs/paged_inode.hpp"
#include "fs_support.hpp"

namespace cv6 {
namespace {

using test::error_of;
using test::Tree;

class ShareRangeTest : public test::FsTest {
 protected:
  static Result<std::uint64_t> share(Tree& from_tree, const std::string& from, std::uint64_t from_offset, Tree& to_tree,
                                     const std::string& to, std::uint64_t to_offset, std::uint64_t length) {
    const Ref<File> source = *from_tree.open(from, open_flag::read);
    const Ref<File> target = *to_tree.open(to, open_flag::write | open_flag::create);
    return static_cast<PagedInode&>(target->inode())
        .share_range(source->inode(), from_offset, to_offset, length, PagedInode::Share::what_pages_can, UINT64_MAX, Credentials::root());
  }
  static void write(Tree& tree, const std::string& name, std::uint64_t offset, const std::string& text) {
    const Ref<File> file = *tree.open(name, open_flag::write | open_flag::create);
    IoBuffer from = IoBuffer::kernel(std::span(std::string_view(text)));
    ASSERT_TRUE(file->write_at(from, offset));
  }
  static std::uint64_t used() { return frames::counts().total - frames::counts().free; }
};

std::string some_text(std::size_t size, char c) { return std::string(size, c); }

TEST_F(ShareRangeTest, AWholeFileCostsNoPage) {
  Tree tree = Tree::on_tmpfs();
  tree.put("/a", some_text(1000 * page_size + 5, 'a'));
  tree.put("/b", "");
  const std::uint64_t before = used();
  EXPECT_EQ(*share(tree, "/a", 0, tree, "/b", 0, UINT64_MAX / 2), 1000 * page_size + 5);
  EXPECT_LE(used() - before, 2u);
  EXPECT_EQ(tree.get("/b"), tree.get("/a"));
  write(tree, "/b", 7 * page_size, "changed");
  write(tree, "/a", 9 * page_size, "changed");
  EXPECT_LE(used() - before, 40u);
  std::string a = some_text(1000 * page_size + 5, 'a'), b = a;
  b.replace(7 * page_size, 7, "changed");
  a.replace(9 * page_size, 7, "changed");
  EXPECT_EQ(tree.get("/a"), a);
  EXPECT_EQ(tree.get("/b"), b);
}

TEST_F(ShareRangeTest, WhatPagesCannotDoIsLeft) {
  Tree tree = Tree::on_tmpfs();
  tree.put("/a", some_text(3 * page_size + 100, 'a'));
  tree.put("/b", some_text(8 * page_size, 'b'));
  EXPECT_EQ(*share(tree, "/a", 1, tree, "/b", 0, page_size), 0u);
  EXPECT_EQ(*share(tree, "/a", 1, tree, "/b", 1, page_size), 0u);
  EXPECT_EQ(*share(tree, "/a", 0, tree, "/b", 0, 100), 0u);                              // not to the end
  EXPECT_EQ(*share(tree, "/a", 0, tree, "/b", 0, page_size + 100), page_size);           // whole pages
  EXPECT_EQ(*share(tree, "/a", 0, tree, "/b", 0, 4 * page_size), 3 * page_size);         // b goes on behind a's end
  EXPECT_EQ(*share(tree, "/a", 0, tree, "/b", 5 * page_size, 4 * page_size), 3 * page_size + 100);  // b ends in it
  EXPECT_EQ(*share(tree, "/a", 4 * page_size, tree, "/b", 0, page_size), 0u);            // behind the end
  EXPECT_EQ(error_of(share(tree, "/a", 0, tree, "/a", page_size, 2 * page_size)), Error::inval);
}

// Pieces of files of a host and of two views, written and shared this way and that.
TEST_F(ShareRangeTest, BehavesLikeACopy) {
  constexpr std::uint64_t most_pages = 140;
  for (unsigned seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Tree host = Tree::on_tmpfs();
    for (const char* name : {"/a", "/b", "/c"}) host.put(name, some_text(random() % (20 * page_size), 'h'));
    Tree outer(*cow::create_view(host.root(), Ref<GuestMemory>(&GuestMemory::host())));
    Tree inner(*cow::create_view(outer.root(), Ref<GuestMemory>(&GuestMemory::host())));
    Tree* trees[] = {&host, &outer, &inner};
    // Files of the views are their own from the start, so that each has a text of its own.
    std::map<std::pair<int, std::string>, std::string> expected;
    for (int tree = 0; tree < 3; ++tree)
      for (const char* name : {"/a", "/b", "/c"}) {
        write(*trees[tree], name, 0, "x");
        expected[{tree, name}] = *trees[tree]->get(name);
      }
    for (int step = 0; step < 120; ++step) {
      const int from_tree = static_cast<int>(random() % 3), to_tree = static_cast<int>(random() % 3);
      const std::string from(1, '/'), name_from = from + static_cast<char>('a' + random() % 3),
                        name_to = from + static_cast<char>('a' + random() % 3);
      std::string& target = expected[{to_tree, name_to}];
      if (random() % 3 == 0) {
        const std::uint64_t offset = random() % (most_pages * page_size);
        const std::string text = some_text(1 + random() % 9000, static_cast<char>('A' + random() % 26));
        write(*trees[to_tree], name_to, offset, text);
        if (target.size() < offset + text.size()) target.resize(offset + text.size());
        target.replace(offset, text.size(), text);
      } else if (random() % 5 == 0) {
        const std::uint64_t size = random() % (most_pages * page_size);
        ASSERT_TRUE(truncate(trees[to_tree]->caller(), *trees[to_tree]->find(name_to), size));
        target.resize(size);
      } else {
        const std::string& source = expected[{from_tree, name_from}];
        const std::uint64_t from_offset = random() % 4 ? 0 : random() % most_pages * page_size;
        const std::uint64_t to_offset = random() % 4 ? 0 : random() % most_pages * page_size;
        const std::uint64_t length = random() % 4 ? most_pages * 2 * page_size : random() % (most_pages * page_size);
        const auto shared = share(*trees[from_tree], name_from, from_offset, *trees[to_tree], name_to, to_offset, length);
        if (!shared) {
          ASSERT_TRUE(from_tree == to_tree && name_from == name_to);
          continue;
        }
        if (*shared == 0) continue;
        const std::string piece = source.substr(from_offset, *shared);
        ASSERT_EQ(piece.size(), *shared);
        if (target.size() < to_offset + *shared) target.resize(to_offset + *shared);
        target.replace(to_offset, *shared, piece);
      }
      ASSERT_TRUE(*trees[to_tree]->get(name_to) == target) << step;
      if (step % 20 == 0)
        for (const auto& [key, text] : expected) ASSERT_TRUE(*trees[key.first]->get(key.second) == text) << step;
    }
  }
}

TEST_F(ShareRangeTest, FailedAllocationsLoseNothing) {
  for (std::uint64_t n = 1;; ++n) {
    Tree host = Tree::on_tmpfs();
    host.put("/a", some_text(100 * page_size, 'a'));
    host.put("/b", some_text(100 * page_size, 'b'));
    Tree view(*cow::create_view(host.root(), Ref<GuestMemory>(&GuestMemory::host())));
    const Ref<File> source = *host.open("/a", open_flag::read);
    const Ref<File> target = *view.open("/b", open_flag::write);
    allocation_failures::fail_nth(n);
    (void)static_cast<PagedInode&>(target->inode())
        .share_range(source->inode(), 10 * page_size, 3 * page_size, 80 * page_size, PagedInode::Share::what_pages_can, UINT64_MAX,
                     Credentials::root());
    const bool happened = allocation_failures::happened();
    allocation_failures::fail_nth(0);
    ASSERT_EQ(host.get("/a"), some_text(100 * page_size, 'a'));
    ASSERT_EQ(host.get("/b"), some_text(100 * page_size, 'b'));
    if (!happened) break;
    ASSERT_LT(n, 1000u);
  }
}

}  // namespace
}  // namespace cv6
