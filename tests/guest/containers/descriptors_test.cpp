// The descriptor table of a container: the numbers that it has for its processes' descriptors.
#include <fcntl.h>
#include <unistd.h>

#include <climits>

#include "support/container.hpp"
#include "support/descriptor.hpp"

namespace cv6::guest {
namespace {

std::vector<ContainerDescriptor> descriptors_of(int container) {
  std::vector<ContainerDescriptor> all;
  ContainerDescriptor one;
  one.id = container;
  while (container_descriptor(one) == 0) all.push_back(one);
  EXPECT_EQ(errno, ESRCH);
  return all;
}

class ContainerDescriptors : public Containers {};

TEST_F(ContainerDescriptors, HaveNumbersOfTheContainer) {
  Box box;
  EXPECT_TRUE(descriptors_of(box.id()).empty());
  const Descriptor null = open_file("/dev/null", O_RDWR);
  const pid_t first = spawn_helper(box.id(), "container-pause", {}, {{null, 0}, {null, 5}});
  const pid_t second = spawn_helper(box.id(), "container-pause", {}, {{null, 7}});
  ASSERT_OK(second);
  auto all = descriptors_of(box.id());
  ASSERT_EQ(all.size(), 3u);
  const std::pair<pid_t, int> wanted[] = {{first, 0}, {first, 5}, {second, 7}};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(all[i].container_descriptor, i);
    EXPECT_EQ(all[i].process, wanted[i].first);
    EXPECT_EQ(all[i].descriptor, wanted[i].second);
    EXPECT_STREQ(all[i].name, "/dev/null");
    EXPECT_TRUE(all[i].readable && all[i].writable);
  }
  const pid_t third = spawn_helper(box.id(), "container-pause", {}, {{null, 0}});
  EXPECT_EQ(descriptors_of(box.id()).back().container_descriptor, 3);
  kill(second, SIGKILL);
  reap(second);
  const pid_t fourth = spawn_helper(box.id(), "container-pause", {}, {{null, 0}});
  EXPECT_EQ(descriptors_of(box.id()).back().container_descriptor, 2) << "the lowest that is free";
  for (const pid_t child : {third, fourth, first}) {
    kill(child, SIGKILL);
    reap(child);
  }
  EXPECT_TRUE(descriptors_of(box.id()).empty());
}

TEST_F(ContainerDescriptors, OfThoseWhoJoinAreNumberedToo) {
  Box box;
  Pipe joined, go;
  const pid_t child = spawn_checked([&] {
    const Descriptor mine = open_file("/dev/zero", O_RDONLY);
    ASSERT_OK(join_container(box.id()));
    joined.notify();
    go.wait();
    ASSERT_OK(leave_container());
    joined.notify();
    go.wait();
  });
  joined.wait();
  const auto inside = descriptors_of(box.id());
  EXPECT_GE(inside.size(), 5u);
  std::vector<bool> seen(inside.size());
  for (const ContainerDescriptor& one : inside) {
    ASSERT_LT(static_cast<std::size_t>(one.container_descriptor), seen.size());
    EXPECT_FALSE(seen[static_cast<std::size_t>(one.container_descriptor)]);
    seen[static_cast<std::size_t>(one.container_descriptor)] = true;
    EXPECT_EQ(one.process, child);
  }
  go.notify();
  joined.wait();
  EXPECT_TRUE(descriptors_of(box.id()).empty());
  go.notify();
  EXPECT_TRUE(reap(child).exited(0));
}

TEST_F(ContainerDescriptors, BehindTheLastOneThereIsNone) {
  Box box;
  const Descriptor null = open_file("/dev/null", O_RDWR);
  const pid_t process = spawn_helper(box.id(), "container-pause", {}, {{null, 0}});
  const auto one_after = [&](int process_number, int descriptor) {
    ContainerDescriptor wanted;
    wanted.id = box.id();
    wanted.process = process_number;
    wanted.descriptor = descriptor;
    return container_descriptor(wanted);
  };
  EXPECT_OK(one_after(INT_MIN, INT_MAX)) << "there is a process behind that one";
  EXPECT_OK(one_after(process, -1));
  EXPECT_ERRNO(ESRCH, one_after(process, 0));
  EXPECT_ERRNO(ESRCH, one_after(process, INT_MAX));
  EXPECT_ERRNO(ESRCH, one_after(INT_MAX, -1));
  EXPECT_ERRNO(ESRCH, one_after(INT_MAX, INT_MAX));
  kill(process, SIGKILL);
  reap(process);
}

}  // namespace
}  // namespace cv6::guest
