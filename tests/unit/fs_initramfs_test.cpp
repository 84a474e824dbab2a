// The initramfs: good archives, and every way of breaking one.
#include <cstring>

#include "fs/initramfs.hpp"
#include "fs_support.hpp"

namespace cv6 {
namespace {

using test::error_of;
using test::Tree;

class Archive {
 public:
  struct Attributes {
    std::uint32_t number = 0, links = 1, mode = 0100644;
  };
  void add(const std::string& name, Attributes attributes, const std::string& data, bool page_aligned = false) {
    std::string padded = name;
    if (page_aligned)
      while ((bytes.size() + 110 + padded.size() + 1) % page_size) padded += '\0';
    char header[111];
    std::snprintf(header, sizeof header, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", attributes.number,
                  attributes.mode, 0, 0, attributes.links, 1000, static_cast<unsigned>(data.size()), 0, 0, 1, 3,
                  static_cast<unsigned>(padded.size() + 1), 0);
    bytes += header;
    bytes += padded;
    bytes += '\0';
    pad(4);
    bytes += data;
    pad(4);
  }
  void end() { add("TRAILER!!!", {0, 1, 0}, ""); }
  void pad(std::size_t to) {
    while (bytes.size() % to) bytes += '\0';
  }
  std::string bytes;
};

class InitramfsTest : public test::FsTest {
 protected:
  // Puts the bytes into pages that count as reserved, as boot does, and unpacks them.
  Result<void> unpack(Tree& tree, const std::string& bytes) {
    unsigned order = 0;
    while ((page_size << order) < bytes.size()) ++order;
    Frame* block = *frames::take(order, FrameUse::kernel, Fill::garbage);
    const arch::PhysicalAddress start = block->physical();
    std::memcpy(block->data(), bytes.data(), bytes.size());
    const std::uint64_t pages = pages_for(bytes.size());
    for (std::uint64_t i = 0; i < (std::uint64_t{1} << order); ++i) {
      Frame* frame = Frame::of(start + i * page_size);
      frame->use = FrameUse::reserved;
      frame->users.store(0);
      frame->order = 0;
    }
    if (pages < (std::uint64_t{1} << order))
      frames::free_reserved({start + pages * page_size, start + (page_size << order)});
    return unpack_initramfs(*tree.root().dentry, start, bytes.size(), GuestMemory::host());
  }
};

Archive good_archive() {
  Archive archive;
  archive.add(".", {1, 2, 040711}, "");
  archive.add("bin", {2, 2, 040755}, "");
  archive.add("bin/busybox", {3, 3, 0100755}, std::string(2 * page_size + 100, 'b'), true);
  archive.add("bin/ls", {3, 3, 0100755}, "");
  archive.add("bin/sh", {3, 3, 0100755}, "");
  archive.add("link", {4, 1, 0120777}, "bin/sh");
  archive.add("null", {5, 1, 020666}, "");
  archive.add("made/on/the/way", {6, 1, 0100600}, "small");
  archive.add("exact", {7, 1, 0100600}, std::string(page_size, 'e'), true);
  archive.end();
  return archive;
}

TEST_F(InitramfsTest, UnpacksEveryKind) {
  Tree tree = Tree::on_tmpfs();
  ASSERT_TRUE(unpack(tree, good_archive().bytes));
  EXPECT_EQ(tree.get("/bin/busybox"), std::string(2 * page_size + 100, 'b'));
  EXPECT_EQ(tree.stat("/bin/ls")->number, tree.stat("/bin/busybox")->number);
  EXPECT_EQ(tree.stat("/bin/sh")->links, 3u);
  EXPECT_EQ(tree.get("/link"), tree.get("/bin/sh"));
  EXPECT_EQ(tree.stat("/null")->represents, make_device(1, 3));
  EXPECT_EQ(tree.get("/made/on/the/way"), "small");
  EXPECT_EQ(tree.get("/exact"), std::string(page_size, 'e'));
  EXPECT_EQ(tree.stat("/")->mode, 0711u);
  EXPECT_EQ(tree.stat("/bin/sh")->mode, 0755u);
  EXPECT_EQ(tree.stat("/bin/sh")->modify_time, 1000 * nanoseconds_per_second);
}

TEST_F(InitramfsTest, PagesOnBoundariesAreUsedWhereTheyAre) {
  Tree tree = Tree::on_tmpfs();
  const std::uint64_t free_before = frames::counts().free;
  ASSERT_TRUE(unpack(tree, good_archive().bytes));
  // Of the archive's pages all that are not part of a file are free; three are, and one holds the copied rest.
  EXPECT_LE(free_before - frames::counts().free, 24u);
}

TEST_F(InitramfsTest, TakesSeveralArchives) {
  Archive second;
  second.add("bin/busybox", {3, 1, 0100755}, "replaced");
  second.add("bin/more", {3, 2, 0100755}, "");
  second.add("bin/last", {3, 2, 0100755}, "data with the last name");
  second.end();
  Archive both = good_archive();
  both.bytes += std::string(512, '\0');
  both.pad(4);
  both.bytes += second.bytes;
  both.bytes += std::string(1000, '\0');
  Tree tree = Tree::on_tmpfs();
  ASSERT_TRUE(unpack(tree, both.bytes));
  EXPECT_EQ(tree.get("/bin/busybox"), "replaced");
  EXPECT_EQ(tree.get("/bin/sh")->size(), 2 * page_size + 100);
  EXPECT_EQ(tree.get("/bin/more"), "data with the last name");
}

TEST_F(InitramfsTest, RefusesWhatIsCutOff) {
  const std::string bytes = good_archive().bytes;
  for (std::size_t size = 1; size < bytes.size(); size = size < 2000 ? size + 7 : size + 501) {
    Tree tree = Tree::on_tmpfs();
    ASSERT_EQ(error_of(unpack(tree, bytes.substr(0, size))), Error::inval) << size;
  }
}

TEST_F(InitramfsTest, SurvivesRandomDamage) {
  const std::string bytes = good_archive().bytes;
  std::mt19937 random(5);
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = bytes;
    for (unsigned n = 1 + random() % 4; n; --n) damaged[random() % damaged.size()] = static_cast<char>(random());
    Tree tree = Tree::on_tmpfs();
    (void)unpack(tree, damaged);
    (void)tree.describe();
  }
}

TEST_F(InitramfsTest, RefusesNonsense) {
  for (const std::string& bytes : {std::string("hello"), std::string(8192, '\0'), std::string(8192, 'x'),
                                   std::string("070701") + std::string(200, 'F'), std::string("070701") + std::string(200, '0')}) {
    Tree tree = Tree::on_tmpfs();
    EXPECT_EQ(error_of(unpack(tree, bytes)), Error::inval);
  }
  Archive hostile;
  hostile.add("../../escape", {1, 1, 0100644}, "x");
  hostile.add("../b", {2, 1, 0100644}, "x");
  hostile.add(std::string(300, 'n'), {3, 1, 0100644}, "x");
  hostile.add("/absolute", {4, 1, 0100644}, "fine");
  hostile.end();
  Tree tree = Tree::on_tmpfs();
  EXPECT_TRUE(unpack(tree, hostile.bytes));
  EXPECT_EQ(tree.names("/"), (std::vector<std::string>{"absolute"}));
}

}  // namespace
}  // namespace cv6
