// Containers whose root is another directory than what their parent sees, and read-only roots.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <unistd.h>

#include "containers/tree.hpp"
#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

// An image of a system with little in it, and a secret beside it.
class ContainerRoot : public ContainersAndFiles {
 protected:
  void SetUp() override {
    ContainersAndFiles::SetUp();
    write_file("secret", "outside");
    for (const char* name : {"image", "image/etc", "image/proc", "image/dev", "image/bin"}) ASSERT_OK(mkdir(name, 0755));
    write_file("image/etc/name", "image");
  }
  ContainerCreate from(const char* directory, std::uint64_t flags = 0) {
    ContainerCreate wanted;
    wanted.flags = flags;
    wanted.root = directory;
    return wanted;
  }
};

TEST_F(ContainerRoot, IsTheDirectoryGiven) {
  Box box(from("image"));
  EXPECT_INSIDE(box, {
    EXPECT_EQ(names_in("/"), (std::set<std::string>{"etc", "proc", "dev", "bin"}));
    EXPECT_EQ(read_file("/etc/name"), "image");
    EXPECT_EQ(read_file("/../../etc/name"), "image");
    EXPECT_FALSE(exists(path("secret")));
    char text[64];
    ASSERT_OK(chdir("/etc"));
    ASSERT_OK(chdir("../.."));
    EXPECT_STREQ(getcwd(text, sizeof text), "/");
  });
}

TEST_F(ContainerRoot, IsCopiedOnWrite) {
  Box box(from("image"));
  Box other(from("image"));
  EXPECT_INSIDE(box, {
    write_file("/etc/name", "changed");
    write_file("/new", "new");
    ASSERT_OK(rmdir("/bin"));
    EXPECT_EQ(read_file("/etc/name"), "changed");
  });
  EXPECT_EQ(read_file("image/etc/name"), "image");
  EXPECT_FALSE(exists("image/new"));
  EXPECT_TRUE(exists("image/bin"));
  EXPECT_INSIDE(other, EXPECT_EQ(read_file("/etc/name"), "image"));
}

TEST_F(ContainerRoot, HasProcAndDevices) {
  Box box(from("image"));
  EXPECT_INSIDE(box, {
    EXPECT_NE(read_file("/proc/self/status").find("Name:"), std::string::npos);
    const Descriptor null = open_file("/dev/null", O_WRONLY);
    EXPECT_EQ(write(null, "x", 1), 1);
    const std::string mounts = read_file("/proc/self/mounts");
    EXPECT_NE(mounts.find(" /proc proc "), std::string::npos) << mounts;
    EXPECT_EQ(mounts.find("image"), std::string::npos) << mounts;
    ASSERT_OK(unlink("/dev/null"));  // of its own view
  });
  EXPECT_TRUE(exists("/dev/null"));
}

TEST_F(ContainerRoot, HasNoProcWhereThereIsNoDirectoryForIt) {
  ASSERT_OK(rmdir("image/proc"));
  ASSERT_OK(rmdir("image/dev"));
  write_file("image/dev", "a file");
  Box box(from("image"));
  EXPECT_INSIDE(box, {
    EXPECT_FALSE(exists("/proc"));
    EXPECT_EQ(read_file("/dev"), "a file");
  });
}

TEST_F(ContainerRoot, TmpfsOfTheParentIsAnEmptyOne) {
  ASSERT_OK(mkdir("/run-of-host", 0755));
  ASSERT_OK(mount("tmpfs", "/run-of-host", "tmpfs", 0, "mode=0751"));
  write_file("/run-of-host/secret", "outside");
  ASSERT_OK(mkdir("image/run-of-host", 0755));
  {
    Box box(from("image"));
    EXPECT_INSIDE(box, {
      EXPECT_TRUE(names_in("/run-of-host").empty());
      struct stat status;
      ASSERT_OK(stat("/run-of-host", &status));
      EXPECT_EQ(status.st_mode & 0777, 0751u);
      write_file("/run-of-host/own", "inside");
    });
  }
  EXPECT_EQ(names_in("/run-of-host"), std::set<std::string>{"secret"});
  ASSERT_OK(umount("/run-of-host"));
  ASSERT_OK(rmdir("/run-of-host"));
}

TEST_F(ContainerRoot, MountsBelowItAreSeenCopiedOnWrite) {
  ASSERT_OK(mkdir("image/data", 0755));
  ASSERT_OK(mount("tmpfs", "image/data", "tmpfs", 0, nullptr));
  write_file("image/data/file", "below");
  {
    Box box(from("image"));
    EXPECT_INSIDE(box, {
      EXPECT_EQ(read_file("/data/file"), "below");
      write_file("/data/file", "changed");
    });
  }
  EXPECT_EQ(read_file("image/data/file"), "below");
  ASSERT_OK(umount("image/data"));
}

TEST_F(ContainerRoot, ErrorsOfTheName) {
  EXPECT_ERRNO(ENOENT, create_container(from("none")));
  EXPECT_ERRNO(ENOTDIR, create_container(from("secret")));
  EXPECT_ERRNO(EINVAL, create_container(from("/proc")));
  EXPECT_ERRNO(EFAULT, create_container(from(reinterpret_cast<const char*>(8))));
  EXPECT_ERRNO(EINVAL, create_container(from("image", 1ull << 40)));
}

TEST_F(ContainerRoot, TheStructureOfTheFirstVersionIsTaken) {
  ContainerCreate wanted;
  const long id = ::syscall(call::create_container, &wanted, 24);
  ASSERT_OK(id);
  EXPECT_OK(destroy_container(static_cast<int>(id)));
}

// A symbolic link as the root, and links in it that name what is outside.
TEST_F(ContainerRoot, LinksInItStayInIt) {
  ASSERT_OK(symlink("image", "link"));
  ASSERT_OK(symlink(path("secret").c_str(), "image/out"));
  ASSERT_OK(symlink("../secret", "image/up"));
  Box box(from("link"));
  EXPECT_INSIDE(box, {
    EXPECT_EQ(read_file("/etc/name"), "image");
    EXPECT_ERRNO(ENOENT, open("/out", O_RDONLY));
    EXPECT_ERRNO(ENOENT, open("/up", O_RDONLY));
  });
}

// --- read-only ----------------------------------------------------------------------------------------------------------

class ReadOnlyRoot : public ContainerTree {
 protected:
  static ContainerCreate wanted() {
    ContainerCreate wanted;
    wanted.flags = ContainerCreate::read_only_root;
    return wanted;
  }
};

// Everything that changes a file, in the directory of ContainerTree.
void expect_no_change_is_possible() {
  const std::string before = description();
  EXPECT_ERRNO(EROFS, open("file", O_WRONLY));
  EXPECT_ERRNO(EROFS, open("file", O_RDWR));
  EXPECT_ERRNO(EROFS, open("file", O_RDONLY | O_TRUNC));
  EXPECT_ERRNO(EROFS, open("new", O_WRONLY | O_CREAT, 0644));
  EXPECT_ERRNO(EROFS, open(".", O_TMPFILE | O_RDWR, 0600));
  EXPECT_ERRNO(EROFS, truncate("file", 0));
  EXPECT_ERRNO(EROFS, mkdir("new", 0755));
  EXPECT_ERRNO(EROFS, mkfifo("new", 0600));
  EXPECT_ERRNO(EROFS, symlink("target", "new"));
  EXPECT_ERRNO(EROFS, link("file", "new"));
  EXPECT_ERRNO(EROFS, unlink("file"));
  EXPECT_ERRNO(EROFS, rmdir("empty"));
  EXPECT_ERRNO(EROFS, rename("file", "new"));
  EXPECT_ERRNO(EROFS, rename("file", "other"));
  EXPECT_ERRNO(EROFS, chmod("file", 0600));
  EXPECT_ERRNO(EROFS, chown("file", 1, 1));
  EXPECT_ERRNO(EROFS, lchown("symlink", 1, 1));
  EXPECT_ERRNO(EROFS, utimes("file", nullptr));
  EXPECT_ERRNO(EROFS, access("file", W_OK));
  const Descriptor file = open_file("file", O_RDONLY);
  EXPECT_ERRNO(EROFS, fchmod(file, 0600));
  EXPECT_ERRNO(EROFS, fchown(file, 1, 1));
  EXPECT_ERRNO(EROFS, futimes(file, nullptr));
  EXPECT_ERRNO(EACCES, mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  struct statvfs status;
  ASSERT_OK(statvfs(".", &status));
  EXPECT_TRUE(status.f_flag & ST_RDONLY);
  EXPECT_ERRNO(EEXIST, mkdir("directory", 0755));  // what is there already needs no change
  EXPECT_EQ(read_file("file"), "original");
  EXPECT_EQ(description(), before);
}

TEST_F(ReadOnlyRoot, RefusesEveryChange) {
  Box box(wanted());
  EXPECT_INSIDE(box, expect_no_change_is_possible());
}

TEST_F(ReadOnlyRoot, CannotBeMadeWritableFromInside) {
  Box box(wanted());
  EXPECT_INSIDE(box, {
    EXPECT_ERRNO(EPERM, mount(nullptr, "/", nullptr, MS_REMOUNT, nullptr));
    EXPECT_ERRNO(EINVAL, umount2("/", MNT_DETACH));
    EXPECT_ERRNO(EROFS, mkdir("new", 0755));
    ASSERT_OK(chroot("directory"));
    EXPECT_ERRNO(EPERM, mount(nullptr, "../..", nullptr, MS_REMOUNT, nullptr));
    EXPECT_ERRNO(EROFS, mkdir("new", 0755));
  });
}

TEST_F(ReadOnlyRoot, LeavesDevicesAndItsOwnMountsWritable) {
  Box box(wanted());
  EXPECT_INSIDE(box, {
    const Descriptor null = open_file("/dev/null", O_WRONLY);
    EXPECT_EQ(write(null, "x", 1), 1);
    ASSERT_OK(mount("tmpfs", "empty", "tmpfs", 0, nullptr));
    write_file("empty/file", "inside");
    EXPECT_EQ(read_file("empty/file"), "inside");
  });
}

TEST_F(ReadOnlyRoot, ChangesBelowAreSeen) {
  Box box(wanted());
  write_file("file", "later");
  EXPECT_INSIDE(box, EXPECT_EQ(read_file("file"), "later"));
}

}  // namespace
}  // namespace cv6::guest
