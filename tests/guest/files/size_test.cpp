// The size of files: truncate, ftruncate, fallocate, sparse files, SEEK_DATA and SEEK_HOLE.

#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

class Size : public TempDir {
 protected:
  off_t size_of(int fd) {
    struct stat status{};
    EXPECT_OK(fstat(fd, &status));
    return status.st_size;
  }
  blkcnt_t blocks_of(int fd) {
    struct stat status{};
    EXPECT_OK(fstat(fd, &status));
    return status.st_blocks;
  }
};

TEST_F(Size, TruncateShrinksAndGrows) {
  write_file("f", "0123456789");
  ASSERT_OK(truncate("f", 4));
  EXPECT_EQ(read_file("f"), "0123");
  ASSERT_OK(truncate("f", 6));
  EXPECT_EQ(read_file("f"), std::string("0123\0\0", 6));
  Descriptor file = open_file("f", O_RDWR);
  ASSERT_OK(ftruncate(file, 0));
  EXPECT_EQ(read_file("f"), "");
}

TEST_F(Size, ShrinkThenGrowGivesZeroes) {
  const std::string bytes(3 * page_size, 'x');
  write_file("f", bytes);
  for (const off_t cut : {off_t{5000}, off_t{4096}, off_t{1}}) {
    ASSERT_OK(truncate("f", cut));
    ASSERT_OK(truncate("f", bytes.size()));
    const std::string text = read_file("f");
    ASSERT_EQ(text.size(), bytes.size());
    EXPECT_EQ(text.find('\0'), (std::size_t)cut);
    EXPECT_EQ(text.find('x', cut), std::string::npos);
  }
}

TEST_F(Size, TruncateErrors) {
  write_file("f", "x");
  ASSERT_OK(mkdir("d", 0755));
  EXPECT_ERRNO(EINVAL, truncate("f", -1));
  EXPECT_ERRNO(EISDIR, truncate("d", 0));
  EXPECT_ERRNO(ENOENT, truncate("missing", 0));
  EXPECT_ERRNO(ENOTDIR, truncate("f/x", 0));
  EXPECT_ERRNO(EINVAL, truncate("/dev/null", 0));
  EXPECT_ERRNO(EFAULT, syscall(SYS_truncate, wild(), 0));
  Descriptor file = open_file("f", O_RDWR);
  Descriptor directory = open_file("d", O_RDONLY);
  EXPECT_ERRNO(EINVAL, ftruncate(file, -1));
  EXPECT_ERRNO(EINVAL, ftruncate(directory, 0));
  EXPECT_ERRNO(EBADF, ftruncate(-1, 0));
  Pipe pipe;
  EXPECT_ERRNO(EINVAL, ftruncate(pipe.write, 0));
}

TEST_F(Size, TruncateKeepsTheOffset) {
  write_file("f", "0123456789");
  Descriptor file = open_file("f", O_RDWR);
  lseek(file, 8, SEEK_SET);
  ASSERT_OK(ftruncate(file, 2));
  EXPECT_EQ(lseek(file, 0, SEEK_CUR), 8);
  EXPECT_EQ(write(file, "x", 1), 1);
  EXPECT_EQ(read_file("f"), std::string("01\0\0\0\0\0\0x", 9));
}

TEST_F(Size, SparseFilesTakeNoSpace) {
  Descriptor file = open_file("f", O_RDWR | O_CREAT);
  constexpr off_t far = 1L << 33;  // 8 GB
  ASSERT_EQ(pwrite(file, "end", 3, far), 3);
  EXPECT_EQ(size_of(file), far + 3);
  EXPECT_LT(blocks_of(file), 1024);
  char buffer[16];
  memset(buffer, 'x', sizeof buffer);
  EXPECT_EQ(pread(file, buffer, sizeof buffer, far / 2), (ssize_t)sizeof buffer);
  EXPECT_EQ(std::string_view(buffer, sizeof buffer), std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(pread(file, buffer, sizeof buffer, far), 3);
}

TEST_F(Size, SeekFindsDataAndHoles) {
  Descriptor file = open_file("f", O_RDWR | O_CREAT);
  const off_t block = 64 * 1024;
  ASSERT_OK(ftruncate(file, 4 * block));
  ASSERT_EQ(pwrite(file, "data", 4, 2 * block), 4);
  const off_t data = lseek(file, 0, SEEK_DATA);
  EXPECT_GT(data, 2 * block - block);
  EXPECT_LE(data, 2 * block);
  EXPECT_EQ(lseek(file, 0, SEEK_HOLE), 0);
  const off_t hole = lseek(file, 2 * block, SEEK_HOLE);
  EXPECT_GE(hole, 2 * block + 4);
  EXPECT_LE(hole, 4 * block);
  EXPECT_ERRNO(ENXIO, lseek(file, 3 * block, SEEK_DATA));
  EXPECT_ERRNO(ENXIO, lseek(file, 4 * block, SEEK_DATA));
  EXPECT_ERRNO(ENXIO, lseek(file, 4 * block, SEEK_HOLE));
  EXPECT_ERRNO(ENXIO, lseek(file, -1, SEEK_DATA));
}

TEST_F(Size, HoleAtTheEndOfAFullFile) {
  write_file("f", "full");
  Descriptor file = open_file("f", O_RDWR);
  EXPECT_EQ(lseek(file, 0, SEEK_HOLE), 4);
  EXPECT_EQ(lseek(file, 1, SEEK_DATA), 1);
}

TEST_F(Size, AllocateGrows) {
  Descriptor file = open_file("f", O_RDWR | O_CREAT);
  ASSERT_OK(fallocate(file, 0, 1000, 9000));
  EXPECT_EQ(size_of(file), 10'000);
  EXPECT_GE(blocks_of(file), 9000 / 512);
  ASSERT_OK(fallocate(file, FALLOC_FL_KEEP_SIZE, 0, 50'000));
  EXPECT_EQ(size_of(file), 10'000);
  EXPECT_EQ(read_file("f"), std::string(10'000, '\0'));
  ASSERT_OK(fallocate(file, 0, 0, 100));  // never shrinks
  EXPECT_EQ(size_of(file), 10'000);
}

TEST_F(Size, AllocateKeepsData) {
  write_file("f", "0123456789");
  Descriptor file = open_file("f", O_RDWR);
  ASSERT_OK(posix_fallocate(file, 0, 20) == 0 ? 0 : -1);
  EXPECT_EQ(read_file("f"), std::string("0123456789\0\0\0\0\0\0\0\0\0\0", 20));
}

TEST_F(Size, PunchedHolesReadAsZero) {
  std::string bytes(4 * page_size, 'x');
  write_file("f", bytes);
  Descriptor file = open_file("f", O_RDWR);
  ASSERT_OK(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1000, 2 * page_size));
  bytes.replace(1000, 2 * page_size, 2 * page_size, '\0');
  EXPECT_EQ(read_file("f"), bytes);
  EXPECT_EQ(size_of(file), (off_t)bytes.size());
}

// What goes in parts of 4,096 pages: nothing next to it goes, nothing of it stays, and who shares the pages keeps them.
TEST_F(Size, ManyPagesGoAndTheOthersStay) {
  constexpr off_t page = page_size, part = 4096 * page;
  const auto bytes_at = [](int fd, const std::vector<off_t>& places) {
    std::string bytes(places.size(), '?');
    for (std::size_t i = 0; i < places.size(); ++i) EXPECT_EQ(pread(fd, &bytes[i], 1, places[i]), 1);
    return bytes;
  };
  const std::vector<off_t> places = {0, part - page, part, part + page, 3 * part - page, 3 * part, 5 * part + 7 * page};
  const Descriptor file = open_file("f", O_RDWR | O_CREAT), twin = open_file("t", O_RDWR | O_CREAT);
  for (const off_t place : places) ASSERT_EQ(pwrite(file, "x", 1, place), 1);
  const bool shared = ioctl(twin, FICLONE, file.get()) == 0;
  ASSERT_OK(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, part + page, 2 * part - page));
  EXPECT_EQ(bytes_at(file, places), std::string("xxx\0\0xx", 7));
  ASSERT_OK(ftruncate(file, part + 1));
  ASSERT_OK(ftruncate(file, 6 * part));
  EXPECT_EQ(bytes_at(file, places), std::string("xxx\0\0\0\0", 7));
  EXPECT_EQ(lseek(file, part + page, SEEK_DATA), -1);
  ASSERT_OK(ftruncate(file, 0));
  if (shared) EXPECT_EQ(bytes_at(twin, places), "xxxxxxx");
}

TEST_F(Size, AllocateErrors) {
  write_file("f", "x");
  Descriptor file = open_file("f", O_RDWR);
  Descriptor reader = open_file("f", O_RDONLY);
  Descriptor directory = open_file(".", O_RDONLY);
  Pipe pipe;
  EXPECT_ERRNO(EINVAL, fallocate(file, 0, -1, 10));
  EXPECT_ERRNO(EINVAL, fallocate(file, 0, 0, 0));
  EXPECT_ERRNO(EINVAL, fallocate(file, 0, 0, -5));
  EXPECT_ERRNO(EBADF, fallocate(reader, 0, 0, 1));
  EXPECT_ERRNO(EBADF, fallocate(directory, 0, 0, 1));
  EXPECT_ERRNO(ESPIPE, fallocate(pipe.write, 0, 0, 1));
  EXPECT_ERRNO(EOPNOTSUPP, fallocate(file, FALLOC_FL_PUNCH_HOLE, 0, 1));  // needs KEEP_SIZE
  EXPECT_ERRNO(EFBIG, fallocate(file, 0, 0x7fffffffffffff00, 0x1000));
}

}  // namespace
}  // namespace cv6::guest
