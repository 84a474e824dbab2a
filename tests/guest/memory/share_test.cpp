// Memory across fork: copy-on-write of private pages, shared pages shared; /proc/self/maps.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <atomic>
#include <cinttypes>
#include <sstream>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

TEST(CopyOnWrite, EachSideKeepsItsOwn) {
  constexpr std::size_t count = 200;
  Mapping mapping(count * page_size);
  for (std::size_t i = 0; i < count; ++i) *mapping.as<std::size_t>(i * page_size) = i;
  Pipe gate;
  const pid_t pid = spawn_checked([&] {
    for (std::size_t i = 0; i < count; i += 2) *mapping.as<std::size_t>(i * page_size) = i + 1000;
    gate.write.close();
    gate.wait();
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(*mapping.as<std::size_t>(i * page_size), i % 2 ? i : i + 1000);
    }
  });
  for (std::size_t i = 0; i < count; ++i) *mapping.as<std::size_t>(i * page_size) += 5000;
  gate.write.close();
  EXPECT_TRUE(reap(pid).exited(0));
  for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(*mapping.as<std::size_t>(i * page_size), i + 5000);
}

TEST(CopyOnWrite, SystemCallsBreakItToo) {
  Mapping mapping(page_size);
  strcpy(mapping.as(), "parent");
  Pipe pipe;
  EXPECT_EQ(write(pipe.write, "child!", 6), 6);
  EXPECT_CHILD({
    EXPECT_EQ(read(pipe.read, mapping.as(), 6), 6);
    EXPECT_STREQ(mapping.as(), "child!");
  });
  EXPECT_STREQ(mapping.as(), "parent");
}

TEST(CopyOnWrite, ThroughSeveralGenerations) {
  Mapping mapping(16 * page_size);
  mapping.as()[0] = 'a';
  EXPECT_CHILD({
    mapping.as()[0] = 'b';
    mapping.as()[page_size] = 'b';
    EXPECT_CHILD({
      EXPECT_EQ(mapping.as()[0], 'b');
      mapping.as()[0] = 'c';
      EXPECT_CHILD({ EXPECT_EQ(mapping.as()[0], 'c'); });
    });
    EXPECT_EQ(mapping.as()[0], 'b');
    EXPECT_EQ(mapping.as()[page_size], 'b');
  });
  EXPECT_EQ(mapping.as()[0], 'a');
  EXPECT_EQ(mapping.as()[page_size], 0);
}

TEST(CopyOnWrite, ProtectionChangesAreNotShared) {
  Mapping mapping(page_size);
  mapping.as()[0] = 'x';
  EXPECT_CHILD({ ASSERT_OK(mprotect(mapping.page(0), page_size, PROT_READ)); });
  EXPECT_CHILD({ ASSERT_OK(munmap(mapping.page(0), page_size)); });
  mapping.as<volatile char>()[0] = 'y';
  EXPECT_EQ(mapping.as()[0], 'y');
}

TEST(SharedMemory, IsSharedAcrossFork) {
  Mapping mapping(4 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  ASSERT_TRUE(mapping.ok());
  auto& counter = *mapping.as<std::atomic<int>>(3 * page_size);  // a page nobody has touched before the fork
  std::vector<pid_t> pids;
  for (int i = 0; i < 8; ++i) {
    pids.push_back(spawn([&] {
      for (int n = 0; n < 1000; ++n) counter.fetch_add(1);
      return 0;
    }));
  }
  for (const pid_t pid : pids) EXPECT_TRUE(reap(pid).exited(0));
  EXPECT_EQ(counter.load(), 8000);
}

TEST(SharedMemory, GrandchildrenToo) {
  Mapping mapping(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  EXPECT_CHILD({ EXPECT_CHILD({ *mapping.as<volatile int>() = 77; }); });
  EXPECT_EQ(*mapping.as<volatile int>(), 77);
}

TEST(SharedMemory, Memfd) {
  const int fd = static_cast<int>(syscall(SYS_memfd_create, "guest", 0));
  if (fd == -1 && errno == ENOSYS) GTEST_SKIP() << "memfd_create is not there";
  ASSERT_OK(fd);
  Descriptor file(fd);
  ASSERT_OK(ftruncate(file, 2 * page_size));
  Mapping one(2 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file);
  Mapping two(2 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file);
  one.as()[page_size] = 'm';
  EXPECT_EQ(two.as()[page_size], 'm');
}

struct MapsLine {
  std::uintptr_t start = 0;
  std::uintptr_t end = 0;
  char protection[8] = {};
  unsigned long offset = 0;
  unsigned major = 0, minor = 0;
  unsigned long inode = 0;
  std::string name;
};

std::vector<MapsLine> read_maps() {
  std::vector<MapsLine> lines;
  std::istringstream text(read_file("/proc/self/maps"));
  for (std::string line; std::getline(text, line);) {
    MapsLine entry;
    int length = 0;
    const int fields = sscanf(line.c_str(), "%lx-%lx %7s %lx %x:%x %lu %n", &entry.start, &entry.end, entry.protection,
                              &entry.offset, &entry.major, &entry.minor, &entry.inode, &length);
    EXPECT_EQ(fields, 7) << line;
    entry.name = line.substr(length);
    lines.push_back(entry);
  }
  return lines;
}

const MapsLine* line_of(const std::vector<MapsLine>& lines, const void* at) {
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  for (const auto& line : lines) {
    if (line.start <= address && address < line.end) return &line;
  }
  return nullptr;
}

class Maps : public TempDir {};

TEST_F(Maps, IsSortedAndAligned) {
  const auto lines = read_maps();
  ASSERT_GT(lines.size(), 4u);
  std::uintptr_t last = 0;
  for (const auto& line : lines) {
    EXPECT_LE(last, line.start);
    EXPECT_LT(line.start, line.end);
    if (line.start < 1UL << 47) {
      EXPECT_EQ(line.start % page_size, 0u);
    }
    last = line.end;
  }
}

TEST_F(Maps, NamesCodeHeapAndStack) {
  free(malloc(100));
  char self[4096] = {};
  ASSERT_OK(readlink("/proc/self/exe", self, sizeof self - 1));
  const auto lines = read_maps();
  const MapsLine* code = line_of(lines, reinterpret_cast<void*>(&read_file));
  ASSERT_NE(code, nullptr);
  EXPECT_EQ(code->name, self);
  EXPECT_STREQ(code->protection, "r-xp");
  int local = 0;
  const MapsLine* stack = line_of(lines, &local);
  ASSERT_NE(stack, nullptr);
  EXPECT_EQ(stack->name, "[stack]");
  EXPECT_STREQ(stack->protection, "rw-p");
  const MapsLine* heap = line_of(lines, static_cast<char*>(sbrk(0)) - 1);
  ASSERT_NE(heap, nullptr);
  EXPECT_EQ(heap->name, "[heap]");
}

TEST_F(Maps, ShowsProtectionSharingAndOffset) {
  write_file("mapped file", std::string(3 * page_size, 'x'));
  Descriptor file = open_file("mapped file", O_RDWR);
  Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, page_size);
  Mapping secret(3 * page_size, PROT_NONE);
  ASSERT_OK(mprotect(secret.page(1), page_size, PROT_READ | PROT_WRITE));
  const auto lines = read_maps();
  const MapsLine* line = line_of(lines, shared.page(0));
  ASSERT_NE(line, nullptr);
  EXPECT_STREQ(line->protection, "rw-s");
  EXPECT_EQ(line->offset, page_size);
  EXPECT_EQ(line->name, path("mapped file"));
  struct stat status;
  ASSERT_OK(fstat(file, &status));
  EXPECT_EQ(line->inode, status.st_ino);
  ASSERT_NE(line_of(lines, secret.page(1)), nullptr);
  EXPECT_STREQ(line_of(lines, secret.page(0))->protection, "---p");
  EXPECT_STREQ(line_of(lines, secret.page(1))->protection, "rw-p");
  EXPECT_EQ(line_of(lines, secret.page(1))->end - line_of(lines, secret.page(1))->start, page_size);
  EXPECT_EQ(line_of(lines, secret.page(0))->inode, 0u);
}

// However large a mapping is, only what is there is looked at.
TEST_F(Maps, PagesOfAHugeMapping) {
  constexpr std::size_t huge = std::size_t{16} << 40;
  const Mapping mapping(huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
  ASSERT_TRUE(mapping.ok());
  for (const std::size_t page : {std::size_t{0}, huge / page_size - 1}) {
    ASSERT_OK(mprotect(mapping.page(page), page_size, PROT_READ | PROT_WRITE));
    *mapping.as<volatile char>(page * page_size) = 'x';
  }
  ASSERT_OK(mprotect(mapping.page(0), page_size, PROT_NONE));
  EXPECT_NE(read_file("/proc/self/smaps").find("Rss:"), std::string::npos);
}

TEST_F(Maps, FollowsUnmap) {
  Mapping mapping(3 * page_size);
  EXPECT_NE(line_of(read_maps(), mapping.page(1)), nullptr);
  ASSERT_OK(munmap(mapping.page(1), page_size));
  EXPECT_EQ(line_of(read_maps(), mapping.page(1)), nullptr);
  EXPECT_NE(line_of(read_maps(), mapping.page(2)), nullptr);
}

}  // namespace
}  // namespace cv6::guest
