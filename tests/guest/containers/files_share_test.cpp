// Copies that share pages: FICLONE, FICLONERANGE and copy_file_range, on one side and across the views.

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <limits>
#include <vector>

#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

constexpr std::size_t large = 8 << 20;
constexpr long large_pages = large / 4096;

class SharedCopies : public TempDir {
 protected:
  // A kernel whose file systems share pages: cv6, and Linux on some.
  void SetUp() override {
    TempDir::SetUp();
    write_file("file", std::string(large, 'f'));
    const Descriptor source = open_file("file", O_RDONLY), probe = open_file("probe", O_RDWR | O_CREAT);
    if (ioctl(probe, FICLONE, source.get()) != 0) GTEST_SKIP() << "copies do not share pages here";
    ASSERT_OK(unlink("probe"));
  }
};

long frames_in_use() { return count_objects()["frames"]; }

TEST_F(SharedCopies, OfAWholeFile) {
  const Descriptor source = open_file("file", O_RDONLY), target = open_file("copy", O_RDWR | O_CREAT);
  const long before = has_containers() ? frames_in_use() : 0;
  ASSERT_OK(ioctl(target, FICLONE, source.get()));
  if (has_containers()) EXPECT_LT(frames_in_use() - before, 32);
  ASSERT_EQ(pwrite(target, "changed", 7, 5000), 7);
  EXPECT_TRUE(read_file("file") == std::string(large, 'f'));
  std::string expected(large, 'f');
  expected.replace(5000, 7, "changed");
  EXPECT_TRUE(read_file("copy") == expected);
  struct stat status;
  ASSERT_OK(fstat(target, &status));
  EXPECT_EQ(status.st_size, (off_t)large);
}

// No mapping may write to a page that the copy has as well, however many there are of it.
TEST_F(SharedCopies, OfAFileThatIsMappedOften) {
  constexpr int mappings = 40;
  const Descriptor source = open_file("file", O_RDWR), target = open_file("copy", O_RDWR | O_CREAT);
  std::vector<char*> at;
  for (int i = 0; i < mappings; ++i) {
    void* mapped = mmap(nullptr, large, PROT_READ | PROT_WRITE, MAP_SHARED, source, 0);
    ASSERT_NE(mapped, MAP_FAILED);
    at.push_back(static_cast<char*>(mapped));
    for (long page = 0; page < large_pages; ++page) at.back()[page * 4096] = 'w';
  }
  const std::string before = read_file("file");
  ASSERT_OK(ioctl(target, FICLONE, source.get()));
  for (int i = 0; i < mappings; ++i)
    for (long page = i; page < large_pages; page += mappings) at[i][page * 4096] = 'n';
  EXPECT_TRUE(read_file("copy") == before);
  for (long page = 0; page < large_pages; ++page) ASSERT_EQ(at[0][page * 4096], 'n') << page;
  for (char* mapped : at) ASSERT_OK(munmap(mapped, large));
}

TEST_F(SharedCopies, OfRanges) {
  write_file("small", std::string(10000, 's'));
  const Descriptor source = open_file("small", O_RDONLY), target = open_file("copy", O_RDWR | O_CREAT);
  file_clone_range range{source, 4096, 4096, 8192};
  ASSERT_OK(ioctl(target, FICLONERANGE, &range));
  EXPECT_EQ(read_file("copy"), std::string(8192, '\0') + std::string(4096, 's'));
  range = {source, 8192, 0, 12288};  // to the end, which is no whole page
  ASSERT_OK(ioctl(target, FICLONERANGE, &range));
  EXPECT_EQ(read_file("copy"), std::string(8192, '\0') + std::string(4096 + 1808, 's'));
  range = {source, 0, 4096, 100};
  EXPECT_ERRNO(EINVAL, ioctl(target, FICLONERANGE, &range));
  range = {source, 0, 100, 0};
  EXPECT_ERRNO(EINVAL, ioctl(target, FICLONERANGE, &range));
  range = {source, 8192, 0, 0};  // the end of the source in the middle of the target
  EXPECT_ERRNO(EINVAL, ioctl(target, FICLONERANGE, &range));
  range = {source, 0, 20480, 0};
  EXPECT_ERRNO(EINVAL, ioctl(target, FICLONERANGE, &range));
  EXPECT_EQ(read_file("small"), std::string(10000, 's'));
}

TEST_F(SharedCopies, BeyondTheLargestFile) {
  const Descriptor source = open_file("file", O_RDONLY), target = open_file("copy", O_RDWR | O_CREAT);
  constexpr std::uint64_t last_page = -4096ull, largest = std::numeric_limits<off_t>::max();
  for (const std::uint64_t to : {last_page, largest + 1, (largest + 1 - 4096)})
    for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{8192}}) {
      file_clone_range range{source, 0, length, to};
      EXPECT_EQ(ioctl(target, FICLONERANGE, &range), -1);
    }
  for (const std::uint64_t from : {last_page, largest + 1})
    for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{4096}, std::uint64_t{8192}}) {
      file_clone_range range{source, from, length, 0};
      EXPECT_EQ(ioctl(target, FICLONERANGE, &range), -1);
    }
  struct stat status;
  ASSERT_OK(fstat(target, &status));
  EXPECT_EQ(status.st_size, 0);
  EXPECT_EQ(status.st_blocks, 0);
}

TEST_F(SharedCopies, ErrorsOfDescriptors) {
  const Descriptor source = open_file("file", O_RDONLY), target = open_file("copy", O_RDWR | O_CREAT);
  const Descriptor directory = open_file(".", O_RDONLY | O_DIRECTORY), write_only = open_file("file", O_WRONLY);
  const Descriptor append = open_file("copy", O_WRONLY | O_APPEND), null = open_file("/dev/null", O_RDWR);
  EXPECT_ERRNO(EBADF, ioctl(target, FICLONE, 999));
  EXPECT_ERRNO(EBADF, ioctl(target, FICLONE, write_only.get()));
  EXPECT_ERRNO(EBADF, ioctl(source, FICLONE, source.get()));
  EXPECT_ERRNO(EBADF, ioctl(append, FICLONE, source.get()));
  EXPECT_ERRNO(EISDIR, ioctl(target, FICLONE, directory.get()));
  EXPECT_EQ(ioctl(target, FICLONE, null.get()), -1);
}

TEST_F(SharedCopies, ByCopyFileRange) {
  const Descriptor source = open_file("file", O_RDONLY), target = open_file("copy", O_RDWR | O_CREAT);
  const long before = has_containers() ? frames_in_use() : 0;
  ASSERT_EQ(copy_file_range(source, nullptr, target, nullptr, large + 100, 0), (ssize_t)large);
  if (has_containers()) EXPECT_LT(frames_in_use() - before, 32);
  EXPECT_EQ(lseek(source, 0, SEEK_CUR), (off_t)large);
  EXPECT_EQ(lseek(target, 0, SEEK_CUR), (off_t)large);
  // What does not begin at pages' bounds is copied, with the same outcome.
  off_t from = 1, to = 10;
  ASSERT_EQ(copy_file_range(source, &from, target, &to, 20000, 0), 20000);
  EXPECT_EQ(from, 20001);
  EXPECT_TRUE(read_file("copy") == read_file("file"));
}

TEST_F(SharedCopies, MappingsOfBothSidesAreOneFileEach) {
  const Descriptor source = open_file("file", O_RDWR), target = open_file("copy", O_RDWR | O_CREAT);
  ASSERT_OK(ftruncate(target, 4 * page_size));
  Mapping from(4 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, source);
  Mapping to(4 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, target);
  from.as()[0] = '1';  // writable from now on
  to.as()[page_size] = '2';
  file_clone_range range{source, 0, 4 * page_size, 0};
  ASSERT_OK(ioctl(target, FICLONERANGE, &range));
  EXPECT_EQ(to.as()[0], '1');
  EXPECT_EQ(to.as()[page_size], 'f');
  from.as()[0] = 'x';
  to.as()[page_size] = 'y';
  EXPECT_EQ(to.as()[0], '1');
  EXPECT_EQ(from.as()[page_size], 'f');
  char byte;
  ASSERT_EQ(pread(target, &byte, 1, page_size), 1);
  EXPECT_EQ(byte, 'y');
}

TEST_F(SharedCopies, RespectTheLimitOnFiles) {
  const Descriptor source = open_file("file", O_RDONLY), target = open_file("copy", O_RDWR | O_CREAT);
  EXPECT_CHILD({
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{3 * page_size, 3 * page_size};
    ASSERT_OK(setrlimit(RLIMIT_FSIZE, &limit));
    EXPECT_EQ(copy_file_range(source, nullptr, target, nullptr, large, 0), (ssize_t)(3 * page_size));
    EXPECT_ERRNO(EFBIG, ioctl(target, FICLONE, source.get()));
  });
}

// What `box commit` does with a large file.
TEST_F(SharedCopies, OutOfAContainer) {
  if (!has_containers()) GTEST_SKIP() << "containers are calls of cv6";
  Box box;
  EXPECT_INSIDE(box, {
    write_file(path("file"), "small");
    write_file(path("made"), std::string(large, 'm'));
    const Descriptor old = open_file(path("file").c_str(), O_RDWR);
    ASSERT_OK(ftruncate(old, 100));
  });
  const long before = frames_in_use();
  EXPECT_CHILD({
    const Descriptor target = open_file("copy", O_RDWR | O_CREAT);
    ASSERT_OK(view_container(box.id()));
    const Descriptor source = open_file(path("made").c_str(), O_RDONLY);
    ASSERT_EQ(copy_file_range(source, nullptr, target, nullptr, large, 0), (ssize_t)large);
  });
  EXPECT_LT(frames_in_use() - before, 64);
  EXPECT_INSIDE(box, write_file(path("made"), "gone"));
  box.destroy();
  EXPECT_TRUE(read_file("copy") == std::string(large, 'm'));
  EXPECT_GE(frames_in_use() - before, -64);
  ASSERT_OK(unlink("copy"));
  EXPECT_LE(frames_in_use() - before, -large_pages + 64);
}

// A container copies what it has not changed, and what it has not changed over the original.
TEST_F(SharedCopies, InAContainer) {
  if (!has_containers()) GTEST_SKIP() << "containers are calls of cv6";
  Box box;
  const long before = frames_in_use();
  EXPECT_INSIDE(box, {
    const Descriptor source = open_file(path("file").c_str(), O_RDONLY);
    const Descriptor target = open_file(path("copy").c_str(), O_RDWR | O_CREAT);
    ASSERT_OK(ioctl(target, FICLONE, source.get()));
    EXPECT_LT(frames_in_use() - before, 200);
    ASSERT_EQ(pwrite(target, "x", 1, 0), 1);
    EXPECT_TRUE(read_file(path("file")) == std::string(large, 'f'));
  });
  EXPECT_CHILD({
    const Descriptor target = open_file("file", O_RDWR);
    ASSERT_OK(view_container(box.id()));
    const Descriptor source = open_file(path("file").c_str(), O_RDONLY);  // shows the target
    ASSERT_OK(ioctl(target, FICLONE, source.get()));
    file_clone_range range{source, 0, 8192, 4096};
    EXPECT_ERRNO(EINVAL, ioctl(target, FICLONERANGE, &range));
  });
  EXPECT_TRUE(read_file("file") == std::string(large, 'f'));
}

}  // namespace
}  // namespace cv6::guest
