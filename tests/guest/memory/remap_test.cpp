// mremap, brk, madvise, mincore, mlock.

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

TEST(Mremap, ShrinksInPlace) {
  Mapping mapping(8 * page_size);
  memset(mapping.page(0), 'x', mapping.length());
  EXPECT_EQ(mremap(mapping.page(0), 8 * page_size, 3 * page_size, 0), mapping.page(0));
  EXPECT_EQ(mapping.as()[3 * page_size - 1], 'x');
  EXPECT_KILLED_BY(SIGSEGV, { *mapping.as<volatile char>(3 * page_size); });
}

TEST(Mremap, GrowsInPlaceWhereThereIsRoom) {
  Mapping mapping(8 * page_size);
  ASSERT_OK(munmap(mapping.page(4), 4 * page_size));
  mapping.as()[0] = 'x';
  EXPECT_EQ(mremap(mapping.page(0), 4 * page_size, 8 * page_size, 0), mapping.page(0));
  EXPECT_EQ(mapping.as()[0], 'x');
  EXPECT_EQ(mapping.as()[7 * page_size], 0);
}

TEST(Mremap, CannotGrowIntoANeighbour) {
  Mapping mapping(8 * page_size);
  ASSERT_OK(mprotect(mapping.page(4), 4 * page_size, PROT_READ));
  EXPECT_ERRNO(ENOMEM, mremap(mapping.page(0), 4 * page_size, 6 * page_size, 0));
}

TEST(Mremap, MovesWithItsBytes) {
  Mapping mapping(8 * page_size);
  for (int i = 0; i < 4; ++i) mapping.as()[i * page_size] = static_cast<char>('0' + i);
  ASSERT_OK(mprotect(mapping.page(4), 4 * page_size, PROT_READ));
  auto* moved = static_cast<char*>(mremap(mapping.page(0), 4 * page_size, 100 * page_size, MREMAP_MAYMOVE));
  ASSERT_OK(moved);
  EXPECT_NE(static_cast<void*>(moved), mapping.page(0));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(moved[i * page_size], '0' + i);
  EXPECT_EQ(moved[99 * page_size], 0);
  EXPECT_KILLED_BY(SIGSEGV, { *mapping.as<volatile char>(); });
  EXPECT_OK(munmap(moved, 100 * page_size));
}

TEST(Mremap, FixedReplacesWhatIsThere) {
  Mapping from(2 * page_size);
  Mapping to(4 * page_size);
  strcpy(from.as(), "moved");
  strcpy(to.as(page_size), "old");
  void* result = mremap(from.page(0), 2 * page_size, 2 * page_size, MREMAP_MAYMOVE | MREMAP_FIXED, to.page(1));
  ASSERT_EQ(result, to.page(1));
  EXPECT_STREQ(to.as(page_size), "moved");
  EXPECT_EQ(*to.page(3), std::byte{0});
}

TEST(Mremap, PartOfAMapping) {
  Mapping mapping(6 * page_size);
  for (int i = 0; i < 6; ++i) mapping.as()[i * page_size] = static_cast<char>('0' + i);
  auto* moved = static_cast<char*>(mremap(mapping.page(2), 2 * page_size, 3 * page_size, MREMAP_MAYMOVE));
  ASSERT_OK(moved);
  EXPECT_EQ(moved[0], '2');
  EXPECT_EQ(moved[page_size], '3');
  EXPECT_EQ(mapping.as()[page_size], '1');
  EXPECT_EQ(mapping.as()[4 * page_size], '4');
  EXPECT_KILLED_BY(SIGSEGV, { *mapping.as<volatile char>(2 * page_size); });
  EXPECT_OK(munmap(moved, 3 * page_size));
}

TEST(Mremap, SharedMappingStaysShared) {
  Mapping mapping(2 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  Mapping target(2 * page_size);
  void* moved = mremap(mapping.page(0), 2 * page_size, 2 * page_size, MREMAP_MAYMOVE | MREMAP_FIXED, target.page(0));
  ASSERT_EQ(moved, target.page(0));
  EXPECT_CHILD({ *target.page(0) = std::byte{9}; });
  EXPECT_EQ(*target.page(0), std::byte{9});
}

TEST(Mremap, OldSizeZeroDuplicatesShared) {
  Mapping mapping(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  auto* twin = static_cast<volatile char*>(mremap(mapping.page(0), 0, page_size, MREMAP_MAYMOVE));
  ASSERT_OK(twin);
  twin[3] = 'T';
  EXPECT_EQ(mapping.as<volatile char>()[3], 'T');
  munmap(const_cast<char*>(twin), page_size);
}

TEST(Mremap, Errors) {
  Mapping mapping(4 * page_size);
  EXPECT_ERRNO(EINVAL, mremap(mapping.page(0) + 1, page_size, page_size, 0));
  EXPECT_ERRNO(EINVAL, mremap(mapping.page(0), page_size, 0, 0));
  EXPECT_ERRNO(EINVAL, mremap(mapping.page(0), page_size, page_size, 0x100));
  EXPECT_ERRNO(EINVAL, mremap(mapping.page(0), page_size, page_size, MREMAP_FIXED, mapping.page(2)));
  EXPECT_ERRNO(EINVAL, mremap(mapping.page(0), 2 * page_size, 2 * page_size, MREMAP_MAYMOVE | MREMAP_FIXED,
                              mapping.page(1)));  // they overlap
  EXPECT_ERRNO(ENOMEM, mremap(mapping.page(0), page_size, 1UL << 46, 0));
  ASSERT_OK(munmap(mapping.page(1), page_size));
  EXPECT_ERRNO(EFAULT, mremap(mapping.page(1), page_size, 2 * page_size, MREMAP_MAYMOVE));
  EXPECT_ERRNO(EFAULT, mremap(mapping.page(0), 2 * page_size, 3 * page_size, MREMAP_MAYMOVE));
}

TEST(Brk, GrowsAndShrinks) {
  EXPECT_CHILD({
    auto* start = static_cast<char*>(sbrk(0));
    ASSERT_EQ(sbrk(5 * page_size), start);
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(start[i * page_size], 0);
      start[i * page_size] = 'x';
    }
    ASSERT_OK(sbrk(-3 * (long)page_size));
    ASSERT_OK(sbrk(3 * page_size));
    auto* fresh = reinterpret_cast<char*>((reinterpret_cast<std::uintptr_t>(start) + 2 * page_size + page_size - 1) &
                                          ~(page_size - 1));
    EXPECT_EQ(*fresh, 0);  // memory given back comes again as zeroes
    EXPECT_EQ(*start, 'x');
  });
}

TEST(Brk, BelowItsStartOrTooFarChangesNothing) {
  const long now = syscall(SYS_brk, 0);
  EXPECT_EQ(syscall(SYS_brk, 1), now);
  EXPECT_EQ(syscall(SYS_brk, 0x7fff'ffff'f000), now);
  EXPECT_EQ(syscall(SYS_brk, ~0UL), now);
}

TEST(Brk, DataLimit) {
  EXPECT_CHILD({
    const rlimit limit{1 << 20, 1 << 20};
    ASSERT_OK(setrlimit(RLIMIT_DATA, &limit));
    EXPECT_ERRNO(ENOMEM, sbrk(64 << 20));
  });
}

TEST(Madvise, DontneedDropsAnonymousPages) {
  Mapping mapping(4 * page_size);
  memset(mapping.page(0), 'x', mapping.length());
  ASSERT_OK(madvise(mapping.page(1), 2 * page_size, MADV_DONTNEED));
  EXPECT_EQ(mapping.as<volatile char>()[page_size - 1], 'x');
  EXPECT_EQ(mapping.as<volatile char>()[page_size], 0);
  EXPECT_EQ(mapping.as<volatile char>()[3 * page_size - 1], 0);
  EXPECT_EQ(mapping.as<volatile char>()[3 * page_size], 'x');
}

class MadviseFile : public TempDir {};

TEST_F(MadviseFile, DontneedShowsTheFileAgain) {
  write_file("f", std::string(page_size, 'f'));
  Descriptor file = open_file("f", O_RDWR);
  Mapping mapping(page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file);
  mapping.as()[0] = 'x';
  ASSERT_OK(madvise(mapping.page(0), page_size, MADV_DONTNEED));
  EXPECT_EQ(mapping.as<volatile char>()[0], 'f');
  Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file);
  shared.as()[1] = 'y';
  ASSERT_OK(madvise(shared.page(0), page_size, MADV_DONTNEED));
  EXPECT_EQ(shared.as<volatile char>()[1], 'y');  // shared bytes are the file's
}

TEST(Madvise, HintsAndErrors) {
  Mapping mapping(3 * page_size);
  for (const int advice : {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED}) {
    EXPECT_OK(madvise(mapping.page(0), mapping.length(), advice)) << advice;
  }
  EXPECT_ERRNO(EINVAL, madvise(mapping.page(0), page_size, 9999));
  EXPECT_ERRNO(EINVAL, madvise(mapping.page(0) + 1, page_size, MADV_DONTNEED));
  ASSERT_OK(munmap(mapping.page(1), page_size));
  EXPECT_ERRNO(ENOMEM, madvise(mapping.page(0), 3 * page_size, MADV_DONTNEED));
  EXPECT_OK(madvise(mapping.page(0), 0, MADV_DONTNEED));
}

TEST(Mincore, ShowsTouchedPages) {
  Mapping mapping(8 * page_size);
  mapping.as()[2 * page_size] = 'x';
  unsigned char resident[8];
  ASSERT_OK(mincore(mapping.page(0), 8 * page_size, resident));
  EXPECT_EQ(resident[2] & 1, 1);
  EXPECT_ERRNO(EINVAL, mincore(mapping.page(0) + 1, page_size, resident));
  EXPECT_ERRNO(EFAULT, syscall(SYS_mincore, mapping.page(0), page_size, wild()));
  ASSERT_OK(munmap(mapping.page(4), page_size));
  EXPECT_ERRNO(ENOMEM, mincore(mapping.page(0), 8 * page_size, resident));
}

TEST(Mlock, LocksAndUnlocks) {
  Mapping mapping(4 * page_size);
  EXPECT_OK(mlock(mapping.page(0), 2 * page_size));
  unsigned char resident[2] = {};
  ASSERT_OK(mincore(mapping.page(0), 2 * page_size, resident));
  EXPECT_EQ(resident[0] & resident[1] & 1, 1);
  EXPECT_OK(munlock(mapping.page(0), 2 * page_size));
  ASSERT_OK(munmap(mapping.page(3), page_size));
  EXPECT_ERRNO(ENOMEM, mlock(mapping.page(0), 4 * page_size));
}

TEST(Mlock, LimitCountsForOthersThanRoot) {
  EXPECT_CHILD({
    const rlimit none{0, 0};
    ASSERT_OK(setrlimit(RLIMIT_MEMLOCK, &none));
    ASSERT_OK(setresuid(1000, 1000, 1000));
    Mapping mapping(page_size);
    const int result = mlock(mapping.page(0), page_size);
    EXPECT_TRUE(result == -1 && (errno == EPERM || errno == ENOMEM));
  });
}

}  // namespace
}  // namespace cv6::guest
