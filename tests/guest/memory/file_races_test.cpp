// Files that are cut, written, mapped and cloned at the same time.

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/soak.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

class FileRaces : public TempDir {
 protected:
  void SetUp() override {
    TempDir::SetUp();
    file_ = open_file("f", O_RDWR | O_CREAT);
    ASSERT_OK(file_);
  }
  Descriptor file_;
};

// Does something over and over in a thread of its own, to the end of the scope.
class Meanwhile {
 public:
  template <class Body>
  explicit Meanwhile(Body body)
      : thread_([this, body] {
          while (!done_) body();
        }) {}
  ~Meanwhile() {
    done_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> done_{false};
  std::thread thread_;
};

TEST_F(FileRaces, ForkAndTruncation) {
  // The file is cut, some pages at a time, while fork copies its mapping and the one behind it: neither process keeps a page
  // that is not there any more.
  constexpr std::size_t pages = 1024;
  Mapping behind(8 * pages * page_size);  // fork is busy with it for some time
  Mapping mapping(pages * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file_);
  const auto fill = [](const Mapping& which) {
    for (std::size_t at = 0; at < which.length(); at += page_size) *which.as<volatile char>(at) = 'X';
  };
  const auto is_empty = [&] {
    for (std::size_t at = 0; at < mapping.length(); at += page_size)
      if (*mapping.as<volatile char>(at) != 0) return false;
    return true;
  };
  for (int round = times(20, 1000); round > 0; --round) {
    ASSERT_OK(ftruncate(file_, pages * page_size));
    fill(mapping);
    fill(behind);
    std::atomic<bool> started{false};
    std::thread cutter([&] {
      started = true;
      for (std::size_t left = pages; left > 0; left -= 8) EXPECT_OK(ftruncate(file_, (left - 8) * page_size));
      EXPECT_OK(ftruncate(file_, pages * page_size));
    });
    while (!started) std::this_thread::yield();
    Pipe cut;
    const pid_t child = spawn([&] {
      cut.write.close();
      char byte;
      return read(cut.read, &byte, 1) == 0 && is_empty() ? 0 : 1;
    });
    cutter.join();
    cut.write.close();
    EXPECT_TRUE(reap(child).exited(0));
    EXPECT_TRUE(is_empty());
  }
}

// What is read are zeros and what was written: never what a page held before it was the file's.
TEST_F(FileRaces, ReadingWhatIsBeingWritten) {
  constexpr std::size_t pages = 1024, last = 512;
  const Mapping from(page_size);
  const Meanwhile writer([&] {
    EXPECT_OK(ftruncate(file_, pages * page_size));
    EXPECT_OK(madvise(from.page(0), page_size, MADV_DONTNEED));  // so that reading it takes its time
    EXPECT_OK(ftruncate(file_, 0));
    {
      const Mapping used(page_size);  // the frame that was freed last is probably taken next
      memset(used.as(), 'U', page_size);
    }
    EXPECT_EQ(pwrite(file_, from.page(0), page_size, last * page_size), (ssize_t)page_size);
  });
  std::vector<char> bytes(pages * page_size);
  for (int round = times(500, 50'000); round > 0; --round) {
    const ssize_t count = pread(file_, bytes.data(), bytes.size(), 0);
    ASSERT_OK(count);
    ASSERT_EQ(std::count(bytes.begin(), bytes.begin() + count, 0), count);
  }
}

// The page that a fault has made beyond the new end is not taken away when somebody has written there since.
TEST_F(FileRaces, FaultsWhileAFileIsCutAndWritten) {
  const Mapping mapping(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file_);
  const Descriptor zeros = open_file("/dev/zero", O_RDONLY);
  const Meanwhile toucher([&] { (void)read(zeros, mapping.as(), 1); });  // EFAULT while there is nothing
  const std::string text(page_size, 'x');
  for (int round = times(5'000, 200'000); round > 0; --round) {
    ASSERT_OK(ftruncate(file_, 0));
    ASSERT_EQ(pwrite(file_, text.data(), text.size(), 0), (ssize_t)text.size());
    char byte = 0;
    ASSERT_EQ(pread(file_, &byte, 1, 100), 1);
    ASSERT_EQ(byte, 'x');
  }
}

// A page that a file loses is used for nothing else while a processor may still write to it: not even if another thread has
// just hidden it, and has yet to tell the other processors. Who takes the page next is a file: memory of this process could
// not be taken before mprotect is done.
TEST_F(FileRaces, PagesPunchedWhileTheyAreHidden) {
  constexpr std::size_t length = 64 << 20, of_one_table = 2 << 20;
  ASSERT_OK(ftruncate(file_, length));
  const Mapping mapping(length, PROT_READ | PROT_WRITE, MAP_SHARED, file_);
  ASSERT_TRUE(mapping.ok());
  for (std::size_t at = 0; at < length; at += of_one_table) *mapping.as<volatile char>(at) = 'X';  // hiding takes its time
  const Descriptor other = open_file("other", O_RDWR | O_CREAT);
  ASSERT_OK(other);
  const Handler once_more(SIGSEGV, [](int) {});
  const Meanwhile writer([&] { *mapping.as<volatile char>() = 'X'; });
  const Meanwhile hider([&] {
    EXPECT_OK(mprotect(mapping.as(), length, PROT_NONE));
    while (mprotect(mapping.as(), length, PROT_READ | PROT_WRITE) != 0) ASSERT_EQ(errno, ENOMEM);  // else the writer stays
  });
  const std::string text(page_size, 'o');
  std::string found(page_size, 0);
  for (int round = times(3'000, 200'000); round > 0; --round) {
    ASSERT_OK(fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, page_size));
    ASSERT_EQ(pwrite(other, text.data(), page_size, 0), (ssize_t)page_size);  // into the page that was freed last
    for (int reads = 16; reads > 0; --reads) {
      ASSERT_EQ(pread(other, found.data(), page_size, 0), (ssize_t)page_size);
      ASSERT_EQ(found, text);
    }
    ASSERT_OK(ftruncate(other, 0));
  }
}

// A clone does not change when the memory that the file is mapped to is written from outside.
TEST_F(FileRaces, ClonesAndWritesThroughProc) {
  ASSERT_OK(ftruncate(file_, page_size));
  const Descriptor clone = open_file("clone", O_RDWR | O_CREAT);
  ASSERT_OK(clone);
  if (ioctl(clone, FICLONE, file_.get()) != 0) GTEST_SKIP() << "no clones here";
  const Mapping mapping(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file_);
  const Descriptor memory = open_file("/proc/self/mem", O_RDWR);
  ASSERT_OK(memory);
  std::vector<unsigned> numbers(page_size / sizeof(unsigned));
  const Meanwhile writer([&] {
    std::ranges::fill(numbers, numbers[0] + 1);
    EXPECT_EQ(pwrite(memory, numbers.data(), page_size, (off_t)mapping.as()), (ssize_t)page_size);
  });
  std::string first(page_size, 0), again(page_size, 0);
  for (int round = times(5'000, 200'000); round > 0; --round) {
    ASSERT_OK(ioctl(clone, FICLONE, file_.get()));
    ASSERT_EQ(pread(clone, first.data(), page_size, 0), (ssize_t)page_size);
    ASSERT_EQ(pread(clone, again.data(), page_size, 0), (ssize_t)page_size);
    ASSERT_EQ(first, again);
  }
}

}  // namespace
}  // namespace cv6::guest
