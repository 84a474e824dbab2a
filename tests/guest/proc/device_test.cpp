// /dev: null, zero, full, random, urandom, the links to descriptors.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

TEST(Device, NumbersAndTypes) {
  const auto expect_device = [](const char* path, unsigned major_number, unsigned minor_number) {
    struct stat status;
    ASSERT_OK(stat(path, &status)) << path;
    EXPECT_TRUE(S_ISCHR(status.st_mode)) << path;
    EXPECT_EQ(status.st_rdev, makedev(major_number, minor_number)) << path;
  };
  expect_device("/dev/null", 1, 3);
  expect_device("/dev/zero", 1, 5);
  expect_device("/dev/full", 1, 7);
  expect_device("/dev/random", 1, 8);
  expect_device("/dev/urandom", 1, 9);
  expect_device("/dev/tty", 5, 0);
}

TEST(Device, Null) {
  Descriptor null = open_file("/dev/null", O_RDWR);
  char bytes[16];
  EXPECT_EQ(read(null, bytes, sizeof bytes), 0);
  EXPECT_EQ(write(null, bytes, sizeof bytes), (ssize_t)sizeof bytes);
  EXPECT_EQ(lseek(null, 100, SEEK_SET), 0);
  EXPECT_OK(open_file("/dev/null", O_WRONLY | O_TRUNC | O_CREAT));
  EXPECT_ERRNO(EINVAL, ftruncate(null, 0));
  EXPECT_ERRNO(ENODEV, mmap(nullptr, page_size, PROT_READ, MAP_PRIVATE, null, 0));
}

TEST(Device, Zero) {
  Descriptor zero = open_file("/dev/zero", O_RDWR);
  std::string bytes(10'000, 'x');
  EXPECT_EQ(read(zero, bytes.data(), bytes.size()), (ssize_t)bytes.size());
  EXPECT_EQ(std::count(bytes.begin(), bytes.end(), 0), (long)bytes.size());
  EXPECT_EQ(write(zero, bytes.data(), 100), 100);
  EXPECT_ERRNO(EFAULT, syscall(SYS_read, zero.get(), wild(), 10));
}

TEST(Device, SharedZeroMappingIsShared) {
  Descriptor zero = open_file("/dev/zero", O_RDWR);
  Mapping mapping(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, zero);
  ASSERT_TRUE(mapping.ok());
  EXPECT_CHILD({ *mapping.as<volatile int>() = 5; });
  EXPECT_EQ(*mapping.as<volatile int>(), 5);
}

TEST(Device, Full) {
  Descriptor full = open_file("/dev/full", O_RDWR);
  char bytes[16] = "x";
  EXPECT_ERRNO(ENOSPC, write(full, bytes, sizeof bytes));
  EXPECT_EQ(read(full, bytes, sizeof bytes), (ssize_t)sizeof bytes);
  EXPECT_EQ(bytes[0], 0);
}

TEST(Device, RandomBytesDiffer) {
  for (const char* path : {"/dev/random", "/dev/urandom"}) {
    Descriptor device = open_file(path, O_RDWR);
    ASSERT_OK(device) << path;
    std::string first(4096, 0), second(4096, 0);
    EXPECT_EQ(read(device, first.data(), first.size()), (ssize_t)first.size());
    EXPECT_EQ(read(device, second.data(), second.size()), (ssize_t)second.size());
    EXPECT_NE(first, second);
    EXPECT_EQ(write(device, "entropy", 7), 7);
  }
}

TEST(Device, StandardStreamsAreLinks) {
  char target[64] = {};
  ASSERT_OK(readlink("/dev/fd", target, sizeof target - 1));
  EXPECT_STREQ(target, "/proc/self/fd");
  Pipe pipe;
  EXPECT_CHILD({
    dup2(pipe.write, STDOUT_FILENO);
    Descriptor out = open_file("/dev/stdout", O_WRONLY);
    ASSERT_OK(out);
    EXPECT_EQ(write(out, "through", 7), 7);
    dup2(pipe.read, STDIN_FILENO);
    char text[8] = {};
    Descriptor in = open_file("/dev/stdin", O_RDONLY);
    EXPECT_EQ(read(in, text, 7), 7);
    EXPECT_STREQ(text, "through");
  });
}

TEST(Device, SharedMemoryDirectory) {
  const std::string name = "/dev/shm/guest-" + std::to_string(getpid());
  Descriptor file = open_file(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  ASSERT_OK(file);
  ASSERT_OK(ftruncate(file, page_size));
  Mapping mapping(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file);
  EXPECT_TRUE(mapping.ok());
  EXPECT_CHILD({ mapping.as()[0] = 's'; });
  EXPECT_EQ(mapping.as()[0], 's');
  EXPECT_OK(unlink(name.c_str()));
}

}  // namespace
}  // namespace cv6::guest
