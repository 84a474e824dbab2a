// The limit on data of files that a container changes: what counts, what is refused, what is given back.

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <csignal>

#include "containers/tree.hpp"
#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

constexpr std::uint64_t page = 4096;

ContainerLimit disk(const Box& box) { return box.limit(ContainerLimit::Kind::disk); }
void limit_disk(const Box& box, std::uint64_t bytes) { box.set_limit(ContainerLimit::Kind::disk, bytes); }

// Runs the statements in a child that sees the container's files, and may ask about the container.
#define EXPECT_VIEWING(box, ...)              \
  EXPECT_CHILD({                              \
    ASSERT_OK(view_container((box).id()));    \
    ASSERT_OK(chdir(path().c_str()));         \
    __VA_ARGS__;                              \
  })

// A file of so many pages beside the small ones.
class DiskLimit : public ContainerTree {
 protected:
  void SetUp() override {
    ContainerTree::SetUp();
    write_file("large", std::string(64 * page, 'l'));
  }
};

TEST_F(DiskLimit, CountsWhatIsWritten) {
  Box box;
  EXPECT_EQ(disk(box).current, 0u);
  EXPECT_EQ(disk(box).limit, ContainerLimit::unlimited);
  EXPECT_VIEWING(box, {
    EXPECT_EQ(read_file("large").size(), 64 * page);
    ASSERT_OK(mkdir("made", 0755));
    ASSERT_OK(chmod("large", 0600));
    ASSERT_OK(symlink("x", "made/link"));
    EXPECT_EQ(disk(box).current, 0u);  // no data
    const Descriptor large = open_file("large", O_RDWR);
    ASSERT_EQ(pwrite(large, "x", 1, 10 * page), 1);
    EXPECT_EQ(disk(box).current, page);
    ASSERT_EQ(pwrite(large, "xy", 2, 10 * page + 100), 2);
    ASSERT_EQ(pwrite(large, "xy", 2, 11 * page - 1), 2);
    EXPECT_EQ(disk(box).current, 2 * page);
    write_file("made/file", std::string(3 * page + 1, 'm'));
    EXPECT_EQ(disk(box).current, 6 * page);
  });
  EXPECT_EQ(disk(box).current, 6 * page);
  EXPECT_EQ(disk(box).peak, 6 * page);
}

TEST_F(DiskLimit, GivesBack) {
  Box box;
  EXPECT_VIEWING(box, {
    write_file("made", std::string(10 * page, 'm'));
    ASSERT_OK(truncate("made", 3 * page + 1));
    EXPECT_EQ(disk(box).current, 4 * page);
    const Descriptor made = open_file("made", O_RDWR);
    ASSERT_OK(fallocate(made, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, page, page));
    EXPECT_EQ(disk(box).current, 3 * page);
    ASSERT_OK(unlink("made"));
    EXPECT_EQ(disk(box).current, 3 * page);  // it is open
  });
  EXPECT_EQ(disk(box).current, 0u);
  EXPECT_VIEWING(box, {
    write_file("large", std::string(64 * page, 'n'));
    EXPECT_EQ(disk(box).current, 64 * page);
    write_file("directory/inner", "changed");
    ASSERT_OK(rename("directory/inner", "large"));
    EXPECT_EQ(disk(box).current, page);
    ASSERT_OK(unlink("large"));
  });
  EXPECT_EQ(disk(box).current, 0u);
  EXPECT_EQ(disk(box).peak, 65 * page);
}

TEST_F(DiskLimit, RefusesWhatIsBeyond) {
  Box box;
  limit_disk(box, 8 * page);
  EXPECT_VIEWING(box, {
    const Descriptor file = open_file("made", O_RDWR | O_CREAT);
    const std::string data(10 * page, 'm');
    EXPECT_EQ(write(file, data.data(), data.size()), (ssize_t)(8 * page));  // as much as fits
    EXPECT_EQ(disk(box).refusals, 1u);
    EXPECT_ERRNO(EDQUOT, write(file, "x", 1));
    EXPECT_ERRNO(EDQUOT, pwrite(file, "x", 1, 100 * page));
    EXPECT_EQ(pwrite(file, "x", 1, 0), 1);  // it has that page
    const Descriptor large = open_file("large", O_RDWR);
    EXPECT_ERRNO(EDQUOT, pwrite(large, "x", 1, 0));
    EXPECT_EQ(read_file("large"), std::string(64 * page, 'l'));
    ASSERT_OK(mkdir("still", 0755));  // no data
    EXPECT_ERRNO(EDQUOT, fallocate(file, 0, 8 * page, page));
    EXPECT_EQ(disk(box).current, 8 * page);
    EXPECT_EQ(disk(box).peak, 8 * page);
    ASSERT_OK(ftruncate(file, 7 * page));
    EXPECT_EQ(pwrite(large, "x", 1, 0), 1);
    EXPECT_EQ(disk(box).current, 8 * page);
  });
  write_file("outside", std::string(20 * page, 'o'));  // nobody else notices
  EXPECT_EQ(read_file("outside").size(), 20 * page);
}

TEST_F(DiskLimit, RefusesMappedWritesWithASignal) {
  Box box;
  limit_disk(box, page);
  EXPECT_VIEWING(box, {
    const Descriptor large = open_file("large", O_RDWR);
    Mapping mapping(4 * page, PROT_READ | PROT_WRITE, MAP_SHARED, large);
    mapping.as()[0] = 'm';
    EXPECT_EQ(disk(box).current, page);
    EXPECT_KILLED_BY(SIGBUS, mapping.as()[page] = 'm');
    mapping.as()[1] = 'm';
    EXPECT_EQ(mapping.as()[page], 'l');
  });
  EXPECT_EQ(disk(box).current, page);
}

TEST_F(DiskLimit, AnAllocationAheadTakesNothingIfItDoesNotFit) {
  Box box;
  limit_disk(box, 8 * page);
  EXPECT_VIEWING(box, {
    const Descriptor file = open_file("made", O_RDWR | O_CREAT);
    EXPECT_ERRNO(EDQUOT, fallocate(file, 0, 0, 9 * page));
    EXPECT_EQ(disk(box).current, 0u);
    ASSERT_OK(fallocate(file, 0, 0, 8 * page));
    EXPECT_EQ(disk(box).current, 8 * page);
  });
}

TEST_F(DiskLimit, CountsSharedCopies) {
  Box box;
  limit_disk(box, 100 * page);
  EXPECT_VIEWING(box, {
    const Descriptor source = open_file("large", O_RDONLY), first = open_file("first", O_RDWR | O_CREAT),
                     second = open_file("second", O_RDWR | O_CREAT);
    ASSERT_OK(ioctl(first, FICLONE, source.get()));
    EXPECT_EQ(disk(box).current, 64 * page);
    ASSERT_EQ(pwrite(first, "x", 1, 0), 1);  // it has paid for that page
    EXPECT_EQ(disk(box).current, 64 * page);
    EXPECT_ERRNO(EDQUOT, ioctl(second, FICLONE, source.get()));
    EXPECT_LE(disk(box).current, 100 * page);
    ASSERT_OK(ftruncate(second, 0));
    EXPECT_EQ(disk(box).current, 64 * page);
    EXPECT_EQ(copy_file_range(source, nullptr, second, nullptr, 64 * page, 0), (ssize_t)(36 * page));
    EXPECT_EQ(disk(box).current, 100 * page);
    EXPECT_TRUE(read_file("second") == std::string(36 * page, 'l'));
    ASSERT_OK(unlink("second"));
    ASSERT_OK(unlink("first"));
  });
  EXPECT_EQ(disk(box).current, 0u);
}

// What others hold of a file does not keep its container charged.
TEST_F(DiskLimit, GivesBackWhatWasCommitted) {
  Box box;
  EXPECT_VIEWING(box, write_file(path("made"), std::string(20 * page, 'm')));
  EXPECT_CHILD({
    const Descriptor target = open_file("copy", O_RDWR | O_CREAT);
    ASSERT_OK(view_container(box.id()));
    const Descriptor source = open_file(path("made").c_str(), O_RDONLY);
    ASSERT_OK(ioctl(target, FICLONE, source.get()));
  });
  EXPECT_EQ(disk(box).current, 20 * page);
  EXPECT_VIEWING(box, ASSERT_OK(unlink(path("made").c_str())));
  EXPECT_EQ(disk(box).current, 0u);
  EXPECT_TRUE(read_file("copy") == std::string(20 * page, 'm'));
  // And back again: the container sees pages that were its own once, and pays for what it writes.
  EXPECT_VIEWING(box, {
    const Descriptor copy = open_file(path("copy").c_str(), O_RDWR);
    ASSERT_EQ(pwrite(copy, "x", 1, 0), 1);
    EXPECT_EQ(disk(box).current, page);
    ASSERT_OK(ftruncate(copy, 0));
    EXPECT_EQ(disk(box).current, 0u);
  });
}

TEST_F(DiskLimit, DoesNotCountVolumes) {
  Box box;
  limit_disk(box, page);
  ASSERT_OK(mount_into(box, "directory", "/volume"));
  EXPECT_VIEWING(box, write_file("/volume/file", std::string(20 * page, 'v')));
  EXPECT_EQ(disk(box).current, 0u);
}

TEST_F(DiskLimit, IsShownAsTheSizeOfTheFileSystem) {
  Box box;
  limit_disk(box, 1000 * page);
  EXPECT_VIEWING(box, {
    write_file("made", std::string(10 * page, 'm'));
    struct statvfs status;
    ASSERT_OK(statvfs(".", &status));
    EXPECT_EQ(status.f_blocks * status.f_frsize, 1000 * page);
    EXPECT_EQ(status.f_bavail * status.f_frsize, 990 * page);
  });
}

TEST_F(DiskLimit, CanChangeWhileItRuns) {
  Box box;
  limit_disk(box, 2 * page);
  EXPECT_VIEWING(box, {
    const Descriptor file = open_file("made", O_RDWR | O_CREAT);
    const std::string data(4 * page, 'm');
    EXPECT_EQ(write(file, data.data(), data.size()), (ssize_t)(2 * page));
    limit_disk(box, 4 * page);
    EXPECT_EQ(write(file, data.data(), data.size()), (ssize_t)(2 * page));
    limit_disk(box, page);  // what is there stays
    EXPECT_ERRNO(EDQUOT, write(file, "x", 1));
    EXPECT_EQ(disk(box).current, 4 * page);
    ASSERT_OK(ftruncate(file, 0));
    EXPECT_EQ(write(file, data.data(), data.size()), (ssize_t)page);
  });
}

}  // namespace
}  // namespace cv6::guest
