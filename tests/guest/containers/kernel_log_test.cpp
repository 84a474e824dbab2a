// What a container's programs bring about in the kernel's log, which is the host's.

#include <sys/klog.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/container.hpp"

namespace cv6::guest {
namespace {

class ContainerKernelLog : public Containers {};

constexpr int read_all = 3, first_unknown_call = 3000;

// The lines that contain the text.
std::vector<std::string> lines_with(const std::string& wanted) {
  std::string log(1 << 16, 0);
  const int size = klogctl(read_all, log.data(), static_cast<int>(log.size()));
  EXPECT_OK(size);
  log.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < log.size();) {
    const std::size_t end = std::min(log.find('\n', at), log.size());
    if (const auto line = log.substr(at, end - at); line.contains(wanted)) lines.push_back(line);
    at = end + 1;
  }
  return lines;
}

std::string name_for(const char* what) { return what + std::to_string(getpid()); }

ContainerCreate named(const std::string& name) {
  ContainerCreate wanted;
  wanted.name = name.c_str();
  return wanted;
}

// A few each second. Another container's lines are there all the same.
TEST_F(ContainerKernelLog, CannotBeFlooded) {
  constexpr int calls = 400;
  const std::string noisy_name = name_for("noisy-"), quiet_name = name_for("quiet-");
  const Box noisy(named(noisy_name)), quiet(named(quiet_name));
  EXPECT_INSIDE(noisy, {
    for (int i = 0; i < calls; ++i) EXPECT_ERRNO(ENOSYS, syscall(first_unknown_call + i));
  });
  EXPECT_INSIDE(quiet, { EXPECT_ERRNO(ENOSYS, syscall(first_unknown_call)); });
  EXPECT_GE(lines_with(" in " + noisy_name + ": ").size(), 1u);
  EXPECT_LE(lines_with(" in " + noisy_name + ": ").size(), calls / 2u);
  EXPECT_EQ(lines_with(" in " + quiet_name + ": ").size(), 1u);
}

TEST_F(ContainerKernelLog, NamesBeginNoLines) {
  const std::string name = name_for("forger-");
  const Box box(named(name));
  EXPECT_INSIDE(box, {
    ASSERT_OK(prctl(PR_SET_NAME, "a\n<0>[ 9]\x1b\xff"));
    EXPECT_ERRNO(ENOSYS, syscall(first_unknown_call));
  });
  const auto lines = lines_with(" in " + name + ": ");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].contains("] a\\x0a<0>[ 9]\\x1b\\xff[")) << lines[0];
}

}  // namespace
}  // namespace cv6::guest
