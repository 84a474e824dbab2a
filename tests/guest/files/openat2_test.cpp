// openat2: its structure, and what its RESOLVE flags refuse and change.

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <thread>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

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
    ASSERT_OK(symlink("/", "d/slash"));
    ASSERT_OK(symlink("..", "d/parent"));
    ASSERT_OK(symlink("s/..", "d/self"));
    ASSERT_OK(symlink("/proc/self/cwd", "d/working"));
    ASSERT_OK(symlink("made", "d/dangling"));
    ASSERT_OK(symlink("../made_up", "d/dangling_up"));
    ASSERT_OK(mkdir("d/s", 0755));
    directory_ = open_file("d", O_PATH | O_DIRECTORY);
  }
  // Whether it can be opened: the descriptor, closed again, or -1.
  static long open_in(int directory, const char* name, std::uint64_t resolve, std::uint64_t flags = O_RDONLY,
                      std::uint64_t mode = 0) {
    const open_how how{flags, mode, resolve};
    long fd = -1;
    // While anything is renamed anywhere, a walk by `..` may have to be tried again.
    (void)wait_until([&] {
      fd = syscall(SYS_openat2, directory, name, &how, sizeof how);
      return fd != -1 || errno != EAGAIN || (resolve & RESOLVE_CACHED) != 0;
    });
    if (fd != -1) close(static_cast<int>(fd));
    return fd;
  }
  long try_open(const char* name, std::uint64_t resolve, std::uint64_t flags = O_RDONLY, std::uint64_t mode = 0) const {
    return open_in(directory_, name, resolve, flags, mode);
  }
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
  EXPECT_OK(try_open("f", RESOLVE_NO_SYMLINKS));
  EXPECT_OK(try_open("../outside", RESOLVE_NO_SYMLINKS));
  EXPECT_OK(try_open("link", RESOLVE_NO_SYMLINKS, O_PATH | O_NOFOLLOW));
  for (const char* name : {"link", "link/", "self/f", "dangling"})
    EXPECT_ERRNO(ELOOP, try_open(name, RESOLVE_NO_SYMLINKS)) << name;
  EXPECT_ERRNO(ELOOP, try_open("dangling", RESOLVE_NO_SYMLINKS, O_WRONLY | O_CREAT, 0600));
  EXPECT_ERRNO(EEXIST, try_open("dangling", RESOLVE_NO_SYMLINKS, O_WRONLY | O_CREAT | O_EXCL, 0600));
  EXPECT_ERRNO(ELOOP, try_open("/proc/self/status", RESOLVE_NO_SYMLINKS));
  EXPECT_ERRNO(ENOENT, try_open("missing/f", RESOLVE_NO_SYMLINKS));
}

TEST_F(Openat2, NoMagicLinks) {
  EXPECT_OK(try_open("link", RESOLVE_NO_MAGICLINKS));
  EXPECT_OK(try_open("/proc/self/status", RESOLVE_NO_MAGICLINKS));
  EXPECT_OK(try_open("/proc/self/exe", RESOLVE_NO_MAGICLINKS, O_PATH | O_NOFOLLOW));
  for (const char* name : {"/proc/self/exe", "/proc/self/cwd/d/f", "/proc/self/fd/0", "working"})
    EXPECT_ERRNO(ELOOP, try_open(name, RESOLVE_NO_MAGICLINKS)) << name;
  EXPECT_ERRNO(ELOOP, try_open("/proc/self/exe", RESOLVE_NO_MAGICLINKS, O_WRONLY | O_CREAT, 0600));
}

TEST_F(Openat2, Beneath) {
  for (const char* name : {"f", "link", ".", "s/..", "s/../f", "./s/.././link", "self", "self/f"})
    EXPECT_OK(try_open(name, RESOLVE_BENEATH)) << name;
  for (const char* name : {"..", "./..", "../outside", "s/../..", "s/../../d/f", "up", "absolute", "slash",
                           "parent/outside", "/", "/..", "/f", "/missing", "working", "dangling_up"})
    EXPECT_ERRNO(EXDEV, try_open(name, RESOLVE_BENEATH)) << name;
  EXPECT_ERRNO(EXDEV, try_open(path("d/f").c_str(), RESOLVE_BENEATH));
  EXPECT_ERRNO(ENOENT, try_open("missing", RESOLVE_BENEATH));
}

TEST_F(Openat2, InRoot) {
  for (const char* name : {"f", "/f", "/", "..", "/..", "../f", "s/../../f", "/s/../../../f", "link", "absolute",
                           "slash/f", "parent/f", "self/f"})
    EXPECT_OK(try_open(name, RESOLVE_IN_ROOT)) << name;
  for (const char* name : {"up", "../outside", "parent/outside", "/proc", "working", "dangling_up"})
    EXPECT_ERRNO(ENOENT, try_open(name, RESOLVE_IN_ROOT)) << name;
}

// What is created is created inside, and what must not be reached is not made either.
TEST_F(Openat2, CreatesInScope) {
  const auto create = [&](const char* name, std::uint64_t resolve, int more = 0) {
    return try_open(name, resolve, static_cast<std::uint64_t>(O_WRONLY | O_CREAT | more), 0600);
  };
  for (const char* name : {"..", "/", "/new", "../new", "s/../../new", "up", "absolute", "parent/new", "dangling_up",
                           "working/new"})
    EXPECT_ERRNO(EXDEV, create(name, RESOLVE_BENEATH)) << name;
  EXPECT_ERRNO(EISDIR, create("s/..", RESOLVE_BENEATH));
  EXPECT_ERRNO(EXDEV, create("..", RESOLVE_BENEATH, O_EXCL));
  EXPECT_ERRNO(EEXIST, create("dangling_up", RESOLVE_BENEATH, O_EXCL));
  EXPECT_OK(create("dangling", RESOLVE_BENEATH));
  EXPECT_TRUE(exists("d/made"));
  for (const char* name : {"..", "/", "/..", "slash", "parent"})
    EXPECT_ERRNO(EISDIR, create(name, RESOLVE_IN_ROOT)) << name;
  EXPECT_ERRNO(EEXIST, create("..", RESOLVE_IN_ROOT, O_EXCL));
  EXPECT_OK(create("dangling_up", RESOLVE_IN_ROOT));
  EXPECT_TRUE(exists("d/made_up"));
  EXPECT_OK(create("/../one", RESOLVE_IN_ROOT, O_EXCL));
  EXPECT_TRUE(exists("d/one"));
  EXPECT_FALSE(exists("made_up") || exists("new") || exists("one"));
  EXPECT_OK(try_open("..", RESOLVE_IN_ROOT, O_TMPFILE | O_RDWR, 0600));
  EXPECT_ERRNO(EXDEV, try_open("..", RESOLVE_BENEATH, O_TMPFILE | O_RDWR, 0600));
}

TEST_F(Openat2, MagicLinksLeadOutOfScope) {
  const Descriptor self = open_file("/proc/self", O_PATH | O_DIRECTORY);
  const auto open_in_self = [&](const char* name, std::uint64_t resolve) { return open_in(self, name, resolve); };
  EXPECT_OK(open_in_self("status", RESOLVE_IN_ROOT));
  EXPECT_ERRNO(EXDEV, open_in_self("exe", RESOLVE_BENEATH));
  EXPECT_ERRNO(EXDEV, open_in_self("cwd", RESOLVE_IN_ROOT));
  EXPECT_ERRNO(ELOOP, open_in_self("cwd", RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS));
}

TEST_F(Openat2, ScopeIsTheDirectory) {
  const Descriptor file = open_file("d/f", O_RDONLY);
  const Pipe pipe;
  EXPECT_ERRNO(ENOTDIR, open_in(file, "f", RESOLVE_BENEATH));
  EXPECT_ERRNO(ENOTDIR, open_in(file, "/", RESOLVE_IN_ROOT));
  EXPECT_ERRNO(ENOTDIR, open_in(pipe.read, "/", RESOLVE_IN_ROOT));
  EXPECT_ERRNO(ENOTDIR, open_in(pipe.read, "f", RESOLVE_BENEATH));
  EXPECT_ERRNO(EBADF, open_in(-1, "/f", RESOLVE_IN_ROOT));
  EXPECT_ERRNO(EXDEV, open_in(-1, "/f", RESOLVE_BENEATH));
  EXPECT_ERRNO(ENOENT, try_open("", RESOLVE_IN_ROOT));
  ASSERT_OK(chdir("d"));
  EXPECT_OK(open_in(AT_FDCWD, "../f", RESOLVE_IN_ROOT));
  EXPECT_OK(open_in(AT_FDCWD, "/f", RESOLVE_IN_ROOT));
  EXPECT_ERRNO(EXDEV, open_in(AT_FDCWD, "../outside", RESOLVE_BENEATH));
}

// Directories are moved out of the scope while `..` is on its way through them: it must never come to where they went.
TEST_F(Openat2, NoEscapeThroughRename) {
  ASSERT_OK(mkdir("d/s/moving", 0755));
  ASSERT_OK(mkdir("away", 0755));
  const std::jthread mover([](const std::stop_token& done) {
    while (!done.stop_requested()) {
      rename("d/s/moving", "away/moving");
      rename("away/moving", "d/s/moving");
    }
  });
  for (int i = 0; i < 3000; ++i)
    for (const std::uint64_t scope : {RESOLVE_BENEATH, RESOLVE_IN_ROOT})
      ASSERT_EQ(try_open("s/moving/../../outside", scope), -1);
}

TEST_F(Openat2, NoCrossingOfMounts) {
  EXPECT_OK(try_open("s/../link", RESOLVE_NO_XDEV));
  EXPECT_OK(try_open("s/new", RESOLVE_NO_XDEV, O_WRONLY | O_CREAT, 0600));
  EXPECT_OK(try_open("/", RESOLVE_NO_XDEV));
  EXPECT_OK(try_open("/..", RESOLVE_NO_XDEV));
  for (const char* name : {"/proc", "/proc/uptime", "/proc/self/exe", "slash", "absolute"})
    EXPECT_ERRNO(EXDEV, try_open(name, RESOLVE_NO_XDEV)) << name;
  EXPECT_ERRNO(EXDEV, try_open("/proc", RESOLVE_NO_XDEV, O_PATH));
  EXPECT_ERRNO(EXDEV, try_open("/proc", RESOLVE_NO_XDEV, O_WRONLY | O_CREAT | O_EXCL, 0600));
  const Descriptor proc = open_file("/proc", O_PATH | O_DIRECTORY);
  EXPECT_OK(open_in(proc, "self/status", RESOLVE_NO_XDEV));
  EXPECT_OK(open_in(proc, "self/../uptime", RESOLVE_NO_XDEV));
  for (const char* name : {"..", "self/../..", "self/exe", "self/cwd/d"})
    EXPECT_ERRNO(EXDEV, open_in(proc, name, RESOLVE_NO_XDEV)) << name;
  EXPECT_OK(open_in(proc, "/..", RESOLVE_IN_ROOT | RESOLVE_NO_XDEV));
  // From a name that begins at the root directory, a link back to there is fine if that is where it is mounted.
  ASSERT_OK(symlink(path("d/f").c_str(), "d/full"));
  const bool same_mount = try_open(path("d/f").c_str(), RESOLVE_NO_XDEV) != -1;
  EXPECT_EQ(try_open(path("d/full").c_str(), RESOLVE_NO_XDEV) != -1, same_mount);
}

TEST_F(Openat2, OnlyWhatIsCached) {
  // EAGAIN is always allowed, and what Linux has cached depends on what else goes on in the machine.
  const auto is_or_again = [&](int expected, const char* name, std::uint64_t resolve) {
    const int error = try_open(name, resolve) == -1 ? errno : 0;
    return error == expected || error == EAGAIN;
  };
  EXPECT_TRUE(is_or_again(0, "f", RESOLVE_CACHED));
  EXPECT_TRUE(is_or_again(0, "link", RESOLVE_CACHED));
  EXPECT_TRUE(is_or_again(ELOOP, "link", RESOLVE_CACHED | RESOLVE_NO_SYMLINKS));
  EXPECT_ERRNO(EAGAIN, try_open("never_asked_for", RESOLVE_CACHED));
  EXPECT_ERRNO(EAGAIN, try_open("f", RESOLVE_CACHED, O_WRONLY | O_TRUNC));
  EXPECT_ERRNO(EAGAIN, try_open("new", RESOLVE_CACHED, O_WRONLY | O_CREAT, 0600));
  EXPECT_ERRNO(EAGAIN, try_open(".", RESOLVE_CACHED, O_TMPFILE | O_RDWR, 0600));
  EXPECT_ERRNO(EAGAIN, try_open("/proc/self/exe", RESOLVE_CACHED));
  EXPECT_EQ(read_file("d/f"), "x");
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
