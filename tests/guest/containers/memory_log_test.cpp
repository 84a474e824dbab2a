// What a container's programs record of their allocations.

#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

#include "support/container.hpp"
#include "support/descriptor.hpp"

namespace cv6::guest {
namespace {

class ContainerMemoryLog : public Containers {};

const void* address(std::uintptr_t number) { return reinterpret_cast<const void*>(number); }

// What the statements print on the console of a process inside: it has no terminal, but a pipe for its standard error.
std::string printed(const Box& box, const std::function<void()>& body) {
  Pipe console;
  const pid_t pid = box.start([&] {
    EXPECT_OK(setsid());
    EXPECT_OK(dup2(console.write, 2));
    body();
  });
  console.write.close();
  std::string text;
  char buffer[256];
  for (ssize_t size; (size = read(console.read, buffer, sizeof buffer)) > 0;) text.append(buffer, size);
  EXPECT_TRUE(reap(pid).exited(0));
  return text;
}

TEST_F(ContainerMemoryLog, OffsetsFollowEachOther) {
  Box box, other;
  EXPECT_INSIDE(box, {
    EXPECT_EQ(memory_gva(100, address(1)), 0);
    EXPECT_EQ(memory_gva(0, address(1)), 100);
    EXPECT_EQ(memory_gva(28, address(1)), 100);
  });
  EXPECT_INSIDE(box, EXPECT_EQ(memory_gva(1, address(1)), 128));  // the container's, not the process's
  EXPECT_INSIDE(other, EXPECT_EQ(memory_gva(1, address(1)), 0));
}

TEST_F(ContainerMemoryLog, TheOffsetDoesNotWrap) {
  Box box;
  EXPECT_INSIDE(box, {
    for (long i = 0; i < 5; ++i) EXPECT_EQ(memory_gva(INT_MAX, address(1)), i * INT_MAX);
  });
}

TEST_F(ContainerMemoryLog, NegativeSizesAreRefused) {
  Box box;
  EXPECT_INSIDE(box, {
    EXPECT_ERRNO(EINVAL, memory_gva(-1, address(1)));
    EXPECT_EQ(memory_gva(1, address(1)), 0);
  });
}

TEST_F(ContainerMemoryLog, OnTheHostThereIsNoLog) {
  EXPECT_ERRNO(ESRCH, memory_log_on(host_container));
  EXPECT_ERRNO(ESRCH, memory_log_off(host_container));
  const long before = memory_gva(16, address(1));
  EXPECT_OK(before);
  EXPECT_GE(memory_gva(0, address(1)), before + 16);
}

TEST_F(ContainerMemoryLog, PrintsALineForEachRecordWhileItIsOn) {
  Box box;
  const std::string text = printed(box, [&] {
    EXPECT_OK(memory_gva(1000, address(0x1)));
    EXPECT_OK(memory_log_on(cid()));
    EXPECT_OK(memory_gva(24, address(0xbeef)));
    EXPECT_OK(memory_gva(8, address(0x7fff'1234'5678)));
    EXPECT_ERRNO(EINVAL, memory_gva(-8, address(1)));
    EXPECT_OK(memory_log_off(cid()));
    EXPECT_OK(memory_gva(8, address(0x1)));
  });
  EXPECT_EQ(text, "GVA : 1000, HVA : beef\nGVA : 1024, HVA : 7fff12345678\n");
}

TEST_F(ContainerMemoryLog, IsSwitchedOnceAndFromAbove) {
  Box box;
  EXPECT_ERRNO(EBUSY, memory_log_off(box.id()));
  EXPECT_OK(memory_log_on(box.id()));
  EXPECT_ERRNO(EBUSY, memory_log_on(box.id()));
  EXPECT_EQ(printed(box, [] { EXPECT_EQ(memory_gva(8, address(0x10)), 0); }), "GVA : 0, HVA : 10\n");
  EXPECT_OK(memory_log_off(box.id()));
  EXPECT_EQ(printed(box, [] { EXPECT_EQ(memory_gva(8, address(0x10)), 8); }), "");
}

TEST_F(ContainerMemoryLog, IsNobodyElsesBusiness) {
  Box box, other;
  EXPECT_ERRNO(ESRCH, memory_log_on(box.id() + 1000));
  EXPECT_INSIDE(other, {
    EXPECT_ERRNO(ESRCH, memory_log_on(box.id()));
    EXPECT_ERRNO(ESRCH, memory_log_on(host_container));
  });
  EXPECT_CHILD({
    ASSERT_OK(setuid(lonely_user()));
    EXPECT_ERRNO(EPERM, memory_log_on(box.id()));
  });
  EXPECT_INSIDE(box, {
    ASSERT_OK(setuid(lonely_user()));
    EXPECT_OK(memory_log_on(cid()));  // its own container's
  });
}

// A console that nobody reads costs the program nothing but the lines.
TEST_F(ContainerMemoryLog, NeverWaits) {
  Box box;
  ASSERT_OK(memory_log_on(box.id()));
  Pipe console;
  const pid_t pid = box.start([&] {
    EXPECT_OK(setsid());
    EXPECT_OK(dup2(console.write, 2));
    for (int i = 0; i < 10'000; ++i) ASSERT_OK(memory_gva(1, address(0)));
  });
  EXPECT_TRUE(reap(pid).exited(0));
}

}  // namespace
}  // namespace cv6::guest
