// mmap and munmap: kinds of mappings, placement, splitting, errors.

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

class Mmap : public TempDir {};

bool all_zero(const std::byte* at, std::size_t length) {
  return std::all_of(at, at + length, [](std::byte b) { return b == std::byte{0}; });
}

TEST_F(Mmap, AnonymousIsZeroAndWritable) {
  Mapping mapping(37 * page_size);
  ASSERT_TRUE(mapping.ok());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mapping.page(0)) % page_size, 0u);
  EXPECT_TRUE(all_zero(mapping.page(0), mapping.length()));
  for (std::size_t i = 0; i < 37; ++i) *mapping.page(i) = std::byte(i);
  for (std::size_t i = 0; i < 37; ++i) EXPECT_EQ(*mapping.page(i), std::byte(i));
}

TEST_F(Mmap, LengthIsRoundedUp) {
  Mapping mapping(1);
  ASSERT_TRUE(mapping.ok());
  mapping.as()[page_size - 1] = 'x';
  EXPECT_EQ(mapping.as()[page_size - 1], 'x');
}

TEST_F(Mmap, LargeReservationsTakeNoMemory) {
  Mapping mapping(1UL << 36, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
  ASSERT_TRUE(mapping.ok());
  mapping.as()[0] = 1;
  mapping.as()[(1UL << 36) - 1] = 2;
  EXPECT_EQ(mapping.as()[1UL << 35], 0);
}

TEST_F(Mmap, HintIsTakenWhenFree) {
  Mapping first(16 * page_size);
  std::byte* at = first.page(4);
  ASSERT_OK(munmap(at, 4 * page_size));
  Mapping second(2 * page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, at);
  EXPECT_EQ(second.page(0), at);
  Mapping third(2 * page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, first.page(0));
  EXPECT_TRUE(third.ok());
  EXPECT_NE(third.page(0), first.page(0));  // taken: another place
}

TEST_F(Mmap, FixedReplaces) {
  Mapping mapping(8 * page_size);
  memset(mapping.page(0), 'a', mapping.length());
  void* at =
      mmap(mapping.page(2), 2 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  ASSERT_EQ(at, mapping.page(2));
  EXPECT_EQ(mapping.as()[2 * page_size - 1], 'a');
  EXPECT_TRUE(all_zero(mapping.page(2), 2 * page_size));
  EXPECT_EQ(mapping.as()[4 * page_size], 'a');
}

TEST_F(Mmap, NoreplaceRefuses) {
  Mapping mapping(8 * page_size);
  constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  EXPECT_ERRNO(EEXIST, mmap(mapping.page(2), page_size, PROT_READ, flags, -1, 0));
  EXPECT_ERRNO(EEXIST, mmap(mapping.page(7), 4 * page_size, PROT_READ, flags, -1, 0));
  ASSERT_OK(munmap(mapping.page(2), page_size));
  EXPECT_EQ(mmap(mapping.page(2), page_size, PROT_READ, flags, -1, 0), mapping.page(2));
}

TEST_F(Mmap, Errors) {
  write_file("f", "text");
  Descriptor file = open_file("f", O_RDWR);
  Descriptor reader = open_file("f", O_RDONLY);
  Descriptor writer = open_file("f", O_WRONLY);
  Descriptor directory = open_file(".", O_RDONLY);
  Pipe pipe;
  constexpr int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
  EXPECT_ERRNO(EINVAL, mmap(nullptr, 0, PROT_READ, anonymous, -1, 0));
  EXPECT_ERRNO(EINVAL, mmap(nullptr, page_size, PROT_READ, MAP_ANONYMOUS, -1, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_mmap, 0, page_size, PROT_READ, MAP_PRIVATE, file.get(), 100));
  EXPECT_ERRNO(EINVAL, mmap((void*)0x12345, page_size, PROT_READ, anonymous | MAP_FIXED, -1, 0));
  EXPECT_ERRNO(EBADF, mmap(nullptr, page_size, PROT_READ, MAP_PRIVATE, -1, 0));
  EXPECT_ERRNO(EACCES, mmap(nullptr, page_size, PROT_READ, MAP_PRIVATE, writer, 0));
  EXPECT_ERRNO(EACCES, mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0));
  EXPECT_ERRNO(ENODEV, mmap(nullptr, page_size, PROT_READ, MAP_PRIVATE, directory, 0));
  EXPECT_ERRNO(ENODEV, mmap(nullptr, page_size, PROT_READ, MAP_PRIVATE, pipe.read, 0));
  EXPECT_ERRNO(ENOMEM, mmap(nullptr, 1UL << 47, PROT_READ, anonymous, -1, 0));
  EXPECT_ERRNO(ENOMEM, mmap(nullptr, ~0UL, PROT_READ, anonymous, -1, 0));
  EXPECT_ERRNO(ENOMEM, mmap((void*)0x0000'7fff'ffff'f000, 2 * page_size, PROT_READ, anonymous | MAP_FIXED, -1, 0));
  EXPECT_ERRNO(EOVERFLOW, syscall(SYS_mmap, 0, 2 * page_size, PROT_READ, MAP_PRIVATE, file.get(), 0x7ffffffffffff000));
}

TEST_F(Mmap, UnmapSplits) {
  Mapping mapping(8 * page_size);
  memset(mapping.page(0), 'x', mapping.length());
  ASSERT_OK(munmap(mapping.page(3), 2 * page_size));
  EXPECT_EQ(mapping.as()[3 * page_size - 1], 'x');
  EXPECT_EQ(mapping.as()[5 * page_size], 'x');
  EXPECT_KILLED_BY(SIGSEGV, { *reinterpret_cast<volatile char*>(mapping.page(3)); });
  EXPECT_KILLED_BY(SIGSEGV, { *reinterpret_cast<volatile char*>(mapping.page(5) - 1); });
  EXPECT_OK(munmap(mapping.page(0), 8 * page_size));  // holes do not matter
  EXPECT_OK(munmap(mapping.page(0), 8 * page_size));
}

TEST_F(Mmap, UnmapErrors) {
  Mapping mapping(page_size);
  EXPECT_ERRNO(EINVAL, munmap(mapping.page(0) + 1, page_size));
  EXPECT_ERRNO(EINVAL, munmap(mapping.page(0), 0));
  EXPECT_ERRNO(EINVAL, munmap((void*)0xffff'8000'0000'0000, page_size));
  EXPECT_ERRNO(EINVAL, munmap(mapping.page(0), ~0UL));
}

TEST_F(Mmap, RemappedMemoryIsFresh) {
  for (int round = 0; round < 50; ++round) {
    Mapping mapping(20 * page_size);
    ASSERT_TRUE(mapping.ok());
    ASSERT_TRUE(all_zero(mapping.page(0), mapping.length()));
    memset(mapping.page(0), 0xee, mapping.length());
  }
}

TEST_F(Mmap, ManySmallMappings) {
  std::vector<void*> places;
  for (int i = 0; i < 2000; ++i) {
    const int protection = i % 2 ? PROT_READ : PROT_READ | PROT_WRITE;  // neighbours cannot be merged
    places.push_back(mmap(nullptr, page_size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_OK(places.back());
  }
  for (const void* place : places) EXPECT_EQ(*static_cast<const char*>(place), 0);
  for (void* place : places) EXPECT_OK(munmap(place, page_size));
}

// Each page with a protection of its own in the middle of a mapping makes two mappings more.
TEST_F(Mmap, NumberOfMappingsIsLimited) {
  const std::size_t most = std::strtoul(read_file("/proc/sys/vm/max_map_count").c_str(), nullptr, 10);
  ASSERT_GT(most, 0u);
  if (most > 100'000) GTEST_SKIP() << "here a process may have too many to make them all";
  EXPECT_CHILD({
    Mapping all((most + 1000) * page_size, PROT_NONE);
    ASSERT_TRUE(all.ok());
    std::size_t made = 0;
    while (made < most && mprotect(all.page(made + 1), page_size, PROT_READ) == 0) made += 2;
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_LT(made, most);
    EXPECT_GT(made + 1000, most);
    EXPECT_ERRNO(ENOMEM, munmap(all.page(most + 900), page_size));
    int more = 0;
    const auto map_one = [&] {
      return mmap(nullptr, page_size, more % 2 ? PROT_READ : PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    };
    while (more < 10 && map_one() != MAP_FAILED) ++more;
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_LT(more, 10);
    EXPECT_OK(munmap(all.page(1), (made - 1) * page_size));  // whole mappings: that splits none
    EXPECT_OK(map_one());
  });
}

TEST_F(Mmap, FirstPageIsNotForAnyone) {
  EXPECT_CHILD({
    ASSERT_OK(setresuid(1000, 1000, 1000));
    EXPECT_ERRNO(EPERM, mmap(nullptr, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
  });
}

TEST_F(Mmap, PopulateAndLockedFlags) {
  Mapping mapping(8 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE);
  ASSERT_TRUE(mapping.ok());
  unsigned char resident[8] = {};
  ASSERT_OK(mincore(mapping.page(0), mapping.length(), resident));
  for (const unsigned char page : resident) EXPECT_EQ(page & 1, 1);
}

TEST_F(Mmap, AddressSpaceLimit) {
  EXPECT_CHILD({
    const std::size_t used = std::stoul(read_file("/proc/self/statm")) * page_size;
    const rlimit limit{used + (128UL << 20), used + (128UL << 20)};
    ASSERT_OK(setrlimit(RLIMIT_AS, &limit));
    EXPECT_ERRNO(ENOMEM, mmap(nullptr, 300UL << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    void* part = mmap(nullptr, 64UL << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_OK(part);
    EXPECT_ERRNO(ENOMEM, mremap(part, 64UL << 20, 300UL << 20, MREMAP_MAYMOVE));
  });
}

TEST_F(Mmap, ZeroDeviceIsAnonymousMemory) {
  Descriptor zero = open_file("/dev/zero", O_RDWR);
  Mapping mapping(2 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero);
  ASSERT_TRUE(mapping.ok());
  EXPECT_TRUE(all_zero(mapping.page(0), mapping.length()));
  *mapping.page(1) = std::byte{7};
  EXPECT_EQ(*mapping.page(1), std::byte{7});
}

TEST_F(Mmap, OnlyPrivateMemoryGrowsDown) {
  constexpr int both = PROT_READ | PROT_WRITE;
  EXPECT_EQ(mmap(nullptr, page_size, both, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0), MAP_FAILED);
  EXPECT_EQ(errno, EINVAL);
  const Descriptor file = open_file("/proc/self/exe", O_RDONLY);
  EXPECT_EQ(mmap(nullptr, page_size, PROT_READ, MAP_PRIVATE | MAP_GROWSDOWN, file, 0), MAP_FAILED);
  EXPECT_EQ(errno, EINVAL);
}

TEST_F(Mmap, GrowsDown) {
  // The area below must be free, and so must a guard gap of 256 pages: take a large one and give back all but its end.
  constexpr std::size_t end = 512;
  Mapping room(end * page_size, PROT_NONE);
  ASSERT_OK(munmap(room.page(0), room.length()));
  void* at = mmap(room.page(end - 2), 2 * page_size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
  ASSERT_EQ(at, room.page(end - 2));
  volatile char* below = reinterpret_cast<volatile char*>(room.page(end - 2));
  for (int i = 0; i < 8; ++i) {
    below -= page_size;
    *below = 'g';  // each fault right below the mapping extends it
  }
  EXPECT_EQ(*below, 'g');
}

}  // namespace
}  // namespace cv6::guest
