// openat2: its structure and what its RESOLVE flags refuse.

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

class Openat2 : public TempDir {
 protected:
  void SetUp() override {
    TempDir::SetUp();
    const open_how how{O_RDONLY, 0, 0};
    Descriptor probe(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how)));
    if (probe.get() == -1 && errno == ENOSYS) GTEST_SKIP() << "openat2 is not there";
    ASSERT_OK(mkdir("d", 0755));
    write_file("d/f", "x");
    write_file("outside", "o");
    ASSERT_OK(symlink("f", "d/link"));
    ASSERT_OK(symlink("../outside", "d/up"));
    ASSERT_OK(symlink("/f", "d/absolute"));
    directory_ = open_file("d", O_PATH | O_DIRECTORY);
  }
  long try_open(const char* name, std::uint64_t resolve, std::uint64_t flags = O_RDONLY, std::uint64_t mode = 0) {
    const open_how how{flags, mode, resolve};
    const long fd = syscall(SYS_openat2, directory_.get(), name, &how, sizeof how);
    if (fd != -1) close(static_cast<int>(fd));
    return fd;
  }
  // A kernel may have the call and say EINVAL to the flags that restrict the walk.
  bool restricts() { return try_open("f", RESOLVE_NO_SYMLINKS) != -1 || errno != EINVAL; }
  Descriptor directory_;
};

TEST_F(Openat2, OpensLikeOpenat) {
  EXPECT_OK(try_open("f", 0));
  EXPECT_OK(try_open("link", 0));
  EXPECT_OK(try_open("../outside", 0));
  EXPECT_OK(try_open("new", 0, O_RDWR | O_CREAT, 0600));
  EXPECT_ERRNO(ENOENT, try_open("missing", 0));
}

TEST_F(Openat2, NoSymlinks) {
  if (!restricts()) GTEST_SKIP() << "openat2 without RESOLVE_ flags";
  EXPECT_OK(try_open("f", RESOLVE_NO_SYMLINKS));
  EXPECT_ERRNO(ELOOP, try_open("link", RESOLVE_NO_SYMLINKS));
}

TEST_F(Openat2, Beneath) {
  if (!restricts()) GTEST_SKIP() << "openat2 without RESOLVE_ flags";
  EXPECT_OK(try_open("f", RESOLVE_BENEATH));
  EXPECT_OK(try_open("link", RESOLVE_BENEATH));
  EXPECT_ERRNO(EXDEV, try_open("../outside", RESOLVE_BENEATH));
  EXPECT_ERRNO(EXDEV, try_open("up", RESOLVE_BENEATH));
  EXPECT_ERRNO(EXDEV, try_open("absolute", RESOLVE_BENEATH));
  EXPECT_ERRNO(EXDEV, try_open(path("d/f").c_str(), RESOLVE_BENEATH));
}

TEST_F(Openat2, InRoot) {
  if (!restricts()) GTEST_SKIP() << "openat2 without RESOLVE_ flags";
  EXPECT_OK(try_open("/f", RESOLVE_IN_ROOT));
  EXPECT_OK(try_open("absolute", RESOLVE_IN_ROOT));
  EXPECT_OK(try_open("../f", RESOLVE_IN_ROOT));
  EXPECT_ERRNO(ENOENT, try_open("up", RESOLVE_IN_ROOT));
}

TEST_F(Openat2, NoCrossingOfMounts) {
  if (!restricts()) GTEST_SKIP() << "openat2 without RESOLVE_ flags";
  const open_how how{O_RDONLY, 0, RESOLVE_NO_XDEV};
  EXPECT_ERRNO(EXDEV, syscall(SYS_openat2, AT_FDCWD, "/proc/uptime", &how, sizeof how));
}

TEST_F(Openat2, Errors) {
  EXPECT_ERRNO(EINVAL, try_open("f", 0x8000));
  EXPECT_ERRNO(EINVAL, try_open("f", 0, 1UL << 40));
  EXPECT_ERRNO(EINVAL, try_open("f", 0, O_RDONLY, 0644));  // a mode without O_CREAT
  EXPECT_ERRNO(EINVAL, try_open("f", RESOLVE_BENEATH | RESOLVE_IN_ROOT));
  const open_how how{};
  EXPECT_ERRNO(EINVAL, syscall(SYS_openat2, directory_.get(), "f", &how, 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_openat2, directory_.get(), "f", wild(), sizeof how));
}

}  // namespace
}  // namespace cv6::guest
