// read, write and their relatives: offsets, vectors, limits, bad buffers.

#include <signal.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <vector>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

class ReadWrite : public TempDir {
 protected:
  Descriptor with(std::string_view text) {
    write_file("file", text);
    return open_file("file", O_RDWR);
  }
  off_t position(int fd) { return lseek(fd, 0, SEEK_CUR); }
};

TEST_F(ReadWrite, ReadsInPiecesToTheEnd) {
  Descriptor file = with("abcdefg");
  char buffer[8] = {};
  EXPECT_EQ(read(file, buffer, 3), 3);
  EXPECT_EQ(read(file, buffer + 3, 5), 4);
  EXPECT_STREQ(buffer, "abcdefg");
  EXPECT_EQ(read(file, buffer, 5), 0);
  EXPECT_EQ(read(file, buffer, 0), 0);
}

TEST_F(ReadWrite, WriteGrowsAndOverwrites) {
  Descriptor file = with("abc");
  EXPECT_EQ(write(file, "XY", 2), 2);
  EXPECT_EQ(read_file("file"), "XYc");
  EXPECT_EQ(write(file, "123", 3), 3);
  EXPECT_EQ(read_file("file"), "XY123");
  EXPECT_EQ(write(file, "", 0), 0);
}

TEST_F(ReadWrite, GapsReadAsZero) {
  Descriptor file = with("a");
  EXPECT_EQ(pwrite(file, "z", 1, 10'000), 1);
  const std::string text = read_file("file");
  ASSERT_EQ(text.size(), 10'001u);
  EXPECT_EQ(text[0], 'a');
  EXPECT_EQ(text.find_first_not_of('\0', 1), 10'000u);
}

TEST_F(ReadWrite, LargeAndUnaligned) {
  Descriptor file = with("");
  std::string pattern(300'007, ' ');
  for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<char>(i * 31 + i / 251);
  for (std::size_t at = 0, step = 1; at < pattern.size(); step = step * 3 % 9001) {
    const std::size_t length = std::min(step, pattern.size() - at);
    ASSERT_EQ(write(file, pattern.data() + at, length), (ssize_t)length);
    at += length;
  }
  EXPECT_EQ(read_file("file"), pattern);
  std::string part(70'000, 0);
  EXPECT_EQ(pread(file, part.data(), part.size(), 12'345), (ssize_t)part.size());
  EXPECT_EQ(part, pattern.substr(12'345, part.size()));
}

TEST_F(ReadWrite, PositionedCallsKeepTheOffset) {
  Descriptor file = with("0123456789");
  lseek(file, 4, SEEK_SET);
  char buffer[4] = {};
  EXPECT_EQ(pread(file, buffer, 3, 7), 3);
  EXPECT_STREQ(buffer, "789");
  EXPECT_EQ(pwrite(file, "X", 1, 0), 1);
  EXPECT_EQ(position(file), 4);
  EXPECT_EQ(pread(file, buffer, 3, 10), 0);
  EXPECT_EQ(pread(file, buffer, 3, 1'000'000), 0);
  EXPECT_ERRNO(EINVAL, pread(file, buffer, 3, -1));
  EXPECT_ERRNO(EINVAL, pwrite(file, buffer, 3, -1));
}

TEST_F(ReadWrite, VectorsGatherAndScatter) {
  Descriptor file = with("");
  iovec out[] = {{(void*)"ab", 2}, {nullptr, 0}, {(void*)"cde", 3}};
  EXPECT_EQ(writev(file, out, 3), 5);
  char first[2];
  char second[8] = {};
  iovec in[] = {{first, 1}, {second, 7}};
  EXPECT_EQ(preadv(file, in, 2, 1), 4);
  EXPECT_EQ(first[0], 'b');
  EXPECT_STREQ(second, "cde");
  EXPECT_EQ(pwritev(file, out, 3, 2), 5);
  EXPECT_EQ(read_file("file"), "ababcde");
  EXPECT_EQ(position(file), 5);
  EXPECT_EQ(lseek(file, 0, SEEK_SET), 0);
  EXPECT_EQ(readv(file, in, 2), 7);
  EXPECT_EQ(readv(file, in, 0), 0);
}

TEST_F(ReadWrite, VectorErrors) {
  Descriptor file = with("x");
  iovec one{nullptr, 0};
  EXPECT_ERRNO(EINVAL, readv(file, &one, -1));
  EXPECT_ERRNO(EINVAL, writev(file, &one, 1025));
  iovec huge{&one, static_cast<std::size_t>(-1)};
  EXPECT_ERRNO(EINVAL, writev(file, &huge, 1));
  EXPECT_ERRNO(EFAULT, syscall(SYS_writev, file.get(), wild(), 1));
  iovec broken{wild(), 5};
  EXPECT_ERRNO(EFAULT, writev(file, &broken, 1));
  EXPECT_ERRNO(EINVAL, preadv(file, &one, 1, -5));
  EXPECT_EQ(preadv2(file, &one, 1, 0, 0), 0);
  char byte;
  iovec readable{&byte, 1};
  EXPECT_ERRNO(EOPNOTSUPP, preadv2(file, &readable, 1, 0, 0x40000000));
}

TEST_F(ReadWrite, VectorOfManyPieces) {
  Descriptor file = with("");
  std::string bytes(1024, ' ');
  std::vector<iovec> pieces;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>('a' + i % 26);
    pieces.push_back({&bytes[i], 1});
  }
  EXPECT_EQ(writev(file, pieces.data(), 1024), 1024);
  EXPECT_EQ(read_file("file"), bytes);
}

TEST_F(ReadWrite, WildBuffers) {
  Descriptor file = with("text");
  for (std::size_t i = 0; i < std::size(wild_addresses); ++i) {
    EXPECT_ERRNO(EFAULT, syscall(SYS_read, file.get(), wild(i), 4));
    EXPECT_ERRNO(EFAULT, syscall(SYS_write, file.get(), wild(i), 4));
    EXPECT_ERRNO(EFAULT, syscall(SYS_pread64, file.get(), wild(i), 4, 0));
  }
  EXPECT_EQ(position(file), 0);
  EXPECT_EQ(read_file("file"), "text");
  Mapping constant(page_size, PROT_READ);
  EXPECT_ERRNO(EFAULT, read(file, constant.as(), 1));
}

TEST_F(ReadWrite, BuffersThatEndEarly) {
  Descriptor file = with(std::string(100, 'x'));
  EdgeBuffer edge(10);
  const ssize_t got = read(file, edge.as(), 100);
  EXPECT_TRUE(got == 10 || (got == -1 && errno == EFAULT)) << got;
  EdgeBuffer source(10);
  memset(source.as(), 'y', 10);
  const ssize_t put = pwrite(file, source.as(), 100, 0);
  EXPECT_TRUE(put == 10 || (put == -1 && errno == EFAULT)) << put;
}

TEST_F(ReadWrite, BadDescriptors) {
  char byte = 0;
  for (const int fd : {-1, 1000, 0x7fffffff, -100}) {
    EXPECT_ERRNO(EBADF, read(fd, &byte, 1));
    EXPECT_ERRNO(EBADF, write(fd, &byte, 1));
    EXPECT_ERRNO(EBADF, pread(fd, &byte, 1, 0));
    EXPECT_ERRNO(EBADF, lseek(fd, 0, SEEK_SET));
    EXPECT_ERRNO(EBADF, close(fd));
    EXPECT_ERRNO(EBADF, fsync(fd));
  }
  Pipe pipe;
  EXPECT_ERRNO(ESPIPE, pread(pipe.read, &byte, 1, 0));
  EXPECT_ERRNO(ESPIPE, pwrite(pipe.write, &byte, 1, 0));
  EXPECT_ERRNO(ESPIPE, lseek(pipe.read, 0, SEEK_SET));
}

TEST_F(ReadWrite, SeekPositions) {
  Descriptor file = with("0123456789");
  EXPECT_EQ(lseek(file, 3, SEEK_SET), 3);
  EXPECT_EQ(lseek(file, -1, SEEK_CUR), 2);
  EXPECT_EQ(lseek(file, -2, SEEK_END), 8);
  EXPECT_EQ(lseek(file, 100, SEEK_END), 110);
  EXPECT_ERRNO(EINVAL, lseek(file, -1, SEEK_SET));
  EXPECT_ERRNO(EINVAL, lseek(file, -11, SEEK_END));
  EXPECT_ERRNO(EINVAL, lseek(file, 0, 77));
  EXPECT_EQ(position(file), 110);
  char byte;
  EXPECT_EQ(read(file, &byte, 1), 0);
  struct stat status;
  EXPECT_OK(fstat(file, &status));
  EXPECT_EQ(status.st_size, 10);  // seeking does not grow
}

TEST_F(ReadWrite, FileSizeLimit) {
  EXPECT_CHILD({
    Descriptor file = with("");
    const rlimit small{5000, 5000};
    ASSERT_OK(setrlimit(RLIMIT_FSIZE, &small));
    signal(SIGXFSZ, SIG_IGN);
    std::string bytes(6000, 'x');
    EXPECT_EQ(write(file, bytes.data(), bytes.size()), 5000);
    EXPECT_ERRNO(EFBIG, write(file, "y", 1));
    EXPECT_ERRNO(EFBIG, ftruncate(file, 5001));
    EXPECT_OK(ftruncate(file, 4000));
    EXPECT_EQ(pwrite(file, "z", 1, 0), 1);
  });
}

TEST_F(ReadWrite, FileSizeLimitSendsSignal) {
  EXPECT_KILLED_BY(SIGXFSZ, {
    Descriptor file = with("");
    const rlimit small{1, 1};
    setrlimit(RLIMIT_FSIZE, &small);
    write(file, "x", 1);
    write(file, "x", 1);
  });
}

TEST_F(ReadWrite, Sendfile) {
  Descriptor in = with("0123456789");
  Descriptor out = open_file("out", O_RDWR | O_CREAT);
  EXPECT_EQ(sendfile(out, in, nullptr, 4), 4);
  EXPECT_EQ(position(in), 4);
  off_t offset = 6;
  EXPECT_EQ(sendfile(out, in, &offset, 100), 4);
  EXPECT_EQ(offset, 10);
  EXPECT_EQ(position(in), 4);
  EXPECT_EQ(read_file("out"), "01236789");
  EXPECT_EQ(sendfile(out, in, &offset, 100), 0);
  Pipe pipe;
  offset = 0;
  EXPECT_EQ(sendfile(pipe.write, in, &offset, 3), 3);
  char buffer[4] = {};
  EXPECT_EQ(read(pipe.read, buffer, 3), 3);
  EXPECT_STREQ(buffer, "012");
  EXPECT_ERRNO(EBADF, sendfile(-1, in, nullptr, 1));
  EXPECT_ERRNO(EBADF, sendfile(out, -1, nullptr, 1));
  EXPECT_ERRNO(EFAULT, syscall(SYS_sendfile, out.get(), in.get(), wild(), 1));
}

TEST_F(ReadWrite, CopyFileRange) {
  Descriptor in = with("0123456789");
  Descriptor out = open_file("out", O_RDWR | O_CREAT);
  off_t from = 2;
  off_t to = 1;
  EXPECT_EQ(copy_file_range(in, &from, out, &to, 3, 0), 3);
  EXPECT_EQ(from, 5);
  EXPECT_EQ(to, 4);
  EXPECT_EQ(position(in), 0);
  EXPECT_EQ(read_file("out"), std::string("\0"
                                          "234",
                                          4));
  EXPECT_EQ(copy_file_range(in, nullptr, out, nullptr, 100, 0), 10);
  EXPECT_EQ(read_file("out"), "0123456789");
  EXPECT_EQ(copy_file_range(in, nullptr, out, nullptr, 100, 0), 0);
  EXPECT_ERRNO(EINVAL, copy_file_range(in, nullptr, out, nullptr, 1, 0x8000));
  from = 0;
  to = 3;
  EXPECT_ERRNO(EINVAL, copy_file_range(in, &from, in, &to, 5, 0));  // the ranges overlap
  Descriptor reader = open_file("out", O_RDONLY);
  EXPECT_ERRNO(EBADF, copy_file_range(in, nullptr, reader, nullptr, 1, 0));
  Descriptor directory = open_file(".", O_RDONLY);
  EXPECT_ERRNO(EISDIR, copy_file_range(directory, nullptr, out, nullptr, 1, 0));
}

TEST_F(ReadWrite, CopyFileRangeWithinOneFile) {
  Descriptor file = with("0123456789");
  const auto copied = [&](off_t from, off_t to, std::size_t count) {
    return copy_file_range(file, &from, file, &to, count, 0);
  };
  EXPECT_ERRNO(EINVAL, copied(0, 5, 6));
  EXPECT_EQ(copied(5, 0, 6), 5);  // there are no more behind the fifth
  EXPECT_ERRNO(EINVAL, copied(0, 5, 100));
  EXPECT_EQ(read_file("file"), "5678956789");
  EXPECT_EQ(copied(10, 0, 100), 0);
  EXPECT_EQ(copied(0, 10, 100), 10);  // the file's end is before its target
  EXPECT_EQ(read_file("file"), "56789567895678956789");
  EXPECT_EQ(copied(15, 25, 1 << 30), 5);
  EXPECT_EQ(read_file("file"), "56789567895678956789" + std::string(5, '\0') + "56789");
}

TEST_F(ReadWrite, UnlinkedFilesLiveWhileOpen) {
  Descriptor file = with("still here");
  ASSERT_OK(unlink("file"));
  EXPECT_ERRNO(ENOENT, open("file", O_RDONLY));
  char text[16] = {};
  EXPECT_EQ(read(file, text, sizeof text), 10);
  EXPECT_STREQ(text, "still here");
  EXPECT_EQ(write(file, "more", 4), 4);
  struct stat status;
  EXPECT_OK(fstat(file, &status));
  EXPECT_EQ(status.st_nlink, 0u);
  EXPECT_EQ(status.st_size, 14);
}

TEST_F(ReadWrite, SyncCalls) {
  Descriptor file = with("x");
  EXPECT_OK(fsync(file));
  EXPECT_OK(fdatasync(file));
  Descriptor directory = open_file(".", O_RDONLY);
  EXPECT_OK(fsync(directory));
  Pipe pipe;
  EXPECT_ERRNO(EINVAL, fsync(pipe.read));
}

}  // namespace
}  // namespace cv6::guest
