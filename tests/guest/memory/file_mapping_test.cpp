// Mappings of files: private and shared, coherence with read and write, the end of the file, truncation, msync.

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <vector>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

class FileMapping : public TempDir {
 protected:
  void SetUp() override {
    TempDir::SetUp();
    std::string bytes;
    for (char letter : {'a', 'b', 'c'}) bytes.append(page_size, letter);
    write_file("f", bytes);
    file_ = open_file("f", O_RDWR);
    ASSERT_OK(file_);
  }
  Descriptor file_;
};

TEST_F(FileMapping, PrivateShowsTheFile) {
  Mapping mapping(3 * page_size, PROT_READ, MAP_PRIVATE, file_);
  ASSERT_TRUE(mapping.ok());
  EXPECT_EQ(mapping.as()[0], 'a');
  EXPECT_EQ(mapping.as()[2 * page_size - 1], 'b');
  EXPECT_EQ(mapping.as()[3 * page_size - 1], 'c');
}

TEST_F(FileMapping, OffsetSelectsPages) {
  Mapping mapping(page_size, PROT_READ, MAP_PRIVATE, file_, page_size);
  ASSERT_TRUE(mapping.ok());
  EXPECT_EQ(mapping.as()[0], 'b');
}

TEST_F(FileMapping, PrivateWritesStayPrivate) {
  Mapping one(3 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file_);
  Mapping two(3 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file_);
  one.as()[5] = 'X';
  two.as()[5] = 'Y';
  EXPECT_EQ(one.as()[5], 'X');
  EXPECT_EQ(two.as()[5], 'Y');
  EXPECT_EQ(read_file("f")[5], 'a');
}

TEST_F(FileMapping, PrivateOfReadOnlyDescriptorIsWritable) {
  Descriptor reader = open_file("f", O_RDONLY);
  Mapping mapping(page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader);
  ASSERT_TRUE(mapping.ok());
  mapping.as()[0] = 'X';
  EXPECT_EQ(read_file("f")[0], 'a');
}

TEST_F(FileMapping, SharedWritesReachTheFile) {
  Mapping mapping(3 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file_);
  ASSERT_TRUE(mapping.ok());
  mapping.as()[page_size] = 'X';
  char byte = 0;
  EXPECT_EQ(pread(file_, &byte, 1, page_size), 1);
  EXPECT_EQ(byte, 'X');
  EXPECT_EQ(pwrite(file_, "Y", 1, page_size + 1), 1);
  EXPECT_EQ(mapping.as()[page_size + 1], 'Y');
  EXPECT_OK(msync(mapping.page(0), mapping.length(), MS_SYNC));
  EXPECT_OK(msync(mapping.page(0), mapping.length(), MS_ASYNC));
}

TEST_F(FileMapping, SharedMappingsSeeEachOther) {
  Mapping one(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file_);
  Mapping two(page_size, PROT_READ, MAP_SHARED, file_);
  Descriptor again = open_file("f", O_RDWR);
  Mapping three(page_size, PROT_READ, MAP_PRIVATE, again);
  one.as<volatile char>()[7] = 'Z';
  EXPECT_EQ(two.as<volatile char>()[7], 'Z');
  EXPECT_EQ(three.as<volatile char>()[7], 'Z');  // private, but its page was never written
}

TEST_F(FileMapping, OutlivesDescriptorAndName) {
  Mapping mapping(3 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file_);
  file_.close();
  ASSERT_OK(unlink("f"));
  EXPECT_EQ(mapping.as()[2 * page_size], 'c');
  mapping.as()[0] = 'x';
  EXPECT_EQ(mapping.as()[0], 'x');
}

TEST_F(FileMapping, RestOfTheLastPageIsZero) {
  ASSERT_OK(ftruncate(file_, page_size + 100));
  Mapping mapping(2 * page_size, PROT_READ, MAP_PRIVATE, file_);
  EXPECT_EQ(mapping.as()[page_size + 99], 'b');
  for (std::size_t i = page_size + 100; i < 2 * page_size; ++i) ASSERT_EQ(mapping.as()[i], 0);
}

TEST_F(FileMapping, BytesPastTheEndAreNotWritten) {
  ASSERT_OK(ftruncate(file_, 100));
  {
    Mapping mapping(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file_);
    mapping.as()[99] = 'X';
    mapping.as()[100] = 'Y';
    struct stat status;
    ASSERT_OK(fstat(file_, &status));
    EXPECT_EQ(status.st_size, 100);
  }
  EXPECT_EQ(read_file("f").size(), 100u);
}

TEST_F(FileMapping, AccessPastTheEndIsSigbus) {
  Mapping shared(8 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file_);
  Mapping secret(8 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file_);
  EXPECT_KILLED_BY(SIGBUS, { *shared.as<volatile char>(3 * page_size); });
  EXPECT_KILLED_BY(SIGBUS, { *shared.as<volatile char>(4 * page_size) = 'x'; });
  EXPECT_KILLED_BY(SIGBUS, { *secret.as<volatile char>(3 * page_size); });
  EXPECT_KILLED_BY(SIGBUS, { *secret.as<volatile char>(3 * page_size) = 'x'; });
}

TEST_F(FileMapping, SystemCallsGiveEfaultPastTheEnd) {
  Mapping mapping(8 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file_);
  Pipe pipe;
  EXPECT_ERRNO(EFAULT, write(pipe.write, mapping.as(4 * page_size), 1));
}

TEST_F(FileMapping, TruncationRemovesPages) {
  Mapping mapping(3 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file_);
  mapping.as()[2 * page_size] = 'X';
  ASSERT_OK(ftruncate(file_, page_size));
  EXPECT_KILLED_BY(SIGBUS, { *mapping.as<volatile char>(2 * page_size); });
  EXPECT_EQ(mapping.as()[0], 'a');
  ASSERT_OK(ftruncate(file_, 3 * page_size));
  EXPECT_EQ(mapping.as<volatile char>()[2 * page_size], 0);
  EXPECT_EQ(mapping.as<volatile char>()[page_size], 0);
}

TEST_F(FileMapping, TruncationRemovesPrivateCopiesToo) {
  Mapping mapping(3 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file_);
  mapping.as()[2 * page_size] = 'X';
  ASSERT_OK(ftruncate(file_, page_size));
  EXPECT_KILLED_BY(SIGBUS, { *mapping.as<volatile char>(2 * page_size); });
}

// Here many pages next to each other, there one for a gigabyte.
TEST_F(FileMapping, TruncationFarAndWide) {
  constexpr std::size_t gigabyte = std::size_t{1} << 30, size = 64 * gigabyte, dense = 40 * gigabyte;
  ASSERT_OK(ftruncate(file_, size));
  Mapping mapping(size, PROT_READ, MAP_SHARED | MAP_NORESERVE, file_);
  ASSERT_TRUE(mapping.ok());
  std::vector<std::size_t> touched;
  for (std::size_t at = gigabyte; at < size; at += gigabyte) touched.push_back(at);
  for (std::size_t i = 0; i < 9'000; ++i) touched.push_back(dense + i * page_size);
  for (const std::size_t at : touched) EXPECT_EQ(*mapping.as<volatile char>(at), 0);
  ASSERT_OK(ftruncate(file_, page_size));
  ASSERT_OK(ftruncate(file_, 2 * page_size));
  Pipe pipe;
  for (const std::size_t at : touched) EXPECT_ERRNO(EFAULT, write(pipe.write, mapping.as(at), 1)) << at;
  EXPECT_EQ(write(pipe.write, mapping.as(page_size), 1), 1);
}

TEST_F(FileMapping, TruncationZeroesTheRestOfAMappedPage) {
  Mapping mapping(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file_);
  EXPECT_EQ(mapping.as<volatile char>()[200], 'a');
  ASSERT_OK(ftruncate(file_, 100));
  EXPECT_EQ(mapping.as<volatile char>()[99], 'a');
  EXPECT_EQ(mapping.as<volatile char>()[200], 0);
}

TEST_F(FileMapping, GrowthShowsInTheMapping) {
  Mapping mapping(8 * page_size, PROT_READ, MAP_SHARED, file_);
  EXPECT_EQ(pwrite(file_, "late", 4, 5 * page_size), 4);
  EXPECT_EQ(mapping.as<volatile char>()[5 * page_size + 3], 'e');
  EXPECT_EQ(mapping.as<volatile char>()[4 * page_size], 0);
}

TEST_F(FileMapping, SharedAcrossFork) {
  Mapping mapping(3 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file_);
  EXPECT_CHILD({ mapping.as()[page_size + 9] = 'C'; });
  EXPECT_EQ(mapping.as()[page_size + 9], 'C');
  EXPECT_EQ(read_file("f")[page_size + 9], 'C');
}

TEST_F(FileMapping, ReadingIntoAMappingOfTheSameFile) {
  Mapping mapping(3 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file_);
  EXPECT_EQ(pread(file_, mapping.as(), page_size, page_size), (ssize_t)page_size);
  EXPECT_EQ(mapping.as()[10], 'b');
  EXPECT_EQ(pwrite(file_, mapping.as(2 * page_size), page_size, 0), (ssize_t)page_size);
  EXPECT_EQ(mapping.as()[10], 'c');
}

TEST_F(FileMapping, MsyncErrors) {
  Mapping mapping(2 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file_);
  EXPECT_ERRNO(EINVAL, msync(mapping.page(0) + 1, page_size, MS_SYNC));
  EXPECT_ERRNO(EINVAL, msync(mapping.page(0), page_size, MS_SYNC | MS_ASYNC));
  EXPECT_ERRNO(EINVAL, msync(mapping.page(0), page_size, 0x100));
  ASSERT_OK(munmap(mapping.page(1), page_size));
  EXPECT_ERRNO(ENOMEM, msync(mapping.page(0), 2 * page_size, MS_SYNC));
}

TEST_F(FileMapping, WriteProtectionOfSharedReadOnly) {
  Descriptor reader = open_file("f", O_RDONLY);
  Mapping mapping(page_size, PROT_READ, MAP_SHARED, reader);
  ASSERT_TRUE(mapping.ok());
  EXPECT_ERRNO(EACCES, mprotect(mapping.page(0), page_size, PROT_READ | PROT_WRITE));
}

TEST_F(FileMapping, MappingsUpdateTimesOfTheFile) {
  const timespec old[2] = {{1, 0}, {1, 0}};
  ASSERT_OK(futimens(file_, old));
  {
    Mapping mapping(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file_);
    mapping.as<volatile char>()[0] = 'X';
    ASSERT_OK(msync(mapping.page(0), page_size, MS_SYNC));
  }
  EXPECT_EQ(read_file("f")[0], 'X');
}

}  // namespace
}  // namespace cv6::guest
