// Named pipes: the rules of opening them.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class Fifo : public TempDir {
 protected:
  void SetUp() override {
    TempDir::SetUp();
    ASSERT_OK(mkfifo("fifo", 0644));
  }
};

TEST_F(Fifo, ReaderWaitsForAWriter) {
  const pid_t pid = spawn_checked([] {
    Descriptor reader = open_file("fifo", O_RDONLY);
    ASSERT_OK(reader);
    char text[8] = {};
    EXPECT_EQ(read(reader, text, sizeof text), 2);
    EXPECT_STREQ(text, "hi");
    EXPECT_EQ(read(reader, text, sizeof text), 0);
  });
  ASSERT_TRUE(wait_until_blocked(pid));
  {
    Descriptor writer = open_file("fifo", O_WRONLY);
    ASSERT_OK(writer);
    EXPECT_EQ(write(writer, "hi", 2), 2);
  }
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST_F(Fifo, WriterWaitsForAReader) {
  const pid_t pid = spawn_checked([] {
    Descriptor writer = open_file("fifo", O_WRONLY);
    ASSERT_OK(writer);
    EXPECT_EQ(write(writer, "x", 1), 1);
  });
  ASSERT_TRUE(wait_until_blocked(pid));
  Descriptor reader = open_file("fifo", O_RDONLY);
  char byte = 0;
  EXPECT_EQ(read(reader, &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST_F(Fifo, NonblockingOpen) {
  EXPECT_ERRNO(ENXIO, open("fifo", O_WRONLY | O_NONBLOCK));
  Descriptor reader = open_file("fifo", O_RDONLY | O_NONBLOCK);
  ASSERT_OK(reader);
  char byte;
  EXPECT_EQ(read(reader, &byte, 1), 0);  // no writer: the end of file
  Descriptor writer = open_file("fifo", O_WRONLY | O_NONBLOCK);
  ASSERT_OK(writer);
  EXPECT_ERRNO(EAGAIN, read(reader, &byte, 1));
  EXPECT_EQ(write(writer, "y", 1), 1);
  EXPECT_EQ(read(reader, &byte, 1), 1);
}

TEST_F(Fifo, BothDirectionsNeverWait) {
  Descriptor both = open_file("fifo", O_RDWR);
  ASSERT_OK(both);
  EXPECT_EQ(write(both, "z", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(both, &byte, 1), 1);
  EXPECT_EQ(byte, 'z');
}

TEST_F(Fifo, BytesAreGoneWithTheLastDescriptor) {
  {
    Descriptor both = open_file("fifo", O_RDWR);
    EXPECT_EQ(write(both, "lost", 4), 4);
  }
  Descriptor both = open_file("fifo", O_RDWR | O_NONBLOCK);
  char byte;
  EXPECT_ERRNO(EAGAIN, read(both, &byte, 1));
  struct stat status;
  ASSERT_OK(stat("fifo", &status));
  EXPECT_EQ(status.st_size, 0);
}

TEST_F(Fifo, NewWriterAfterTheEnd) {
  Descriptor reader = open_file("fifo", O_RDONLY | O_NONBLOCK);
  char byte;
  for (int i = 0; i < 3; ++i) {
    Descriptor writer = open_file("fifo", O_WRONLY);
    EXPECT_EQ(write(writer, "a", 1), 1);
    writer.close();
    EXPECT_EQ(read(reader, &byte, 1), 1);
    EXPECT_EQ(read(reader, &byte, 1), 0);
  }
}

TEST_F(Fifo, HangupShowsInPoll) {
  Descriptor reader = open_file("fifo", O_RDONLY | O_NONBLOCK);
  pollfd one{reader, POLLIN, 0};
  EXPECT_EQ(poll(&one, 1, 0), 0);  // there has been no writer yet
  {
    Descriptor writer = open_file("fifo", O_WRONLY);
    EXPECT_EQ(poll(&one, 1, 0), 0);
  }
  EXPECT_EQ(poll(&one, 1, 0), 1);
  EXPECT_EQ(one.revents, POLLHUP);
}

TEST_F(Fifo, UnlinkedWhileInUse) {
  Descriptor both = open_file("fifo", O_RDWR);
  ASSERT_OK(unlink("fifo"));
  EXPECT_EQ(write(both, "q", 1), 1);
  char byte;
  EXPECT_EQ(read(both, &byte, 1), 1);
}

TEST_F(Fifo, SeekAndMapAreRefused) {
  Descriptor both = open_file("fifo", O_RDWR);
  EXPECT_ERRNO(ESPIPE, lseek(both, 0, SEEK_SET));
  EXPECT_ERRNO(EINVAL, ftruncate(both, 0));
  EXPECT_ERRNO(EEXIST, mkfifo("fifo", 0600));
  EXPECT_ERRNO(ENOTDIR, open("fifo/", O_RDONLY | O_NONBLOCK));
  EXPECT_ERRNO(ENOTDIR, open("fifo", O_RDONLY | O_NONBLOCK | O_DIRECTORY));
}

TEST_F(Fifo, ModeAndTruncateFlag) {
  struct stat status;
  ASSERT_OK(lstat("fifo", &status));
  EXPECT_EQ(status.st_mode, S_IFIFO | 0644u);
  Descriptor reader = open_file("fifo", O_RDONLY | O_NONBLOCK | O_TRUNC);  // nothing to truncate
  EXPECT_OK(reader);
}

}  // namespace
}  // namespace cv6::guest
