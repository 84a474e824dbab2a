// Volumes: files of outside in a container, on purpose; and attempts to get out by them.

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "containers/tree.hpp"
#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

// A directory that is given away, beside what is not.
class Volume : public ContainersAndFiles {
 protected:
  void SetUp() override {
    ContainersAndFiles::SetUp();
    write_file("secret", "outside");
    ASSERT_OK(mkdir("shared", 0755));
    write_file("shared/file", "shared");
    ASSERT_OK(mkdir("shared/sub", 0755));
    write_file("shared/sub/inner", "inner");
  }
};

TEST_F(Volume, IsTheSourceItself) {
  Box box;
  ASSERT_OK(mount_into(box, "shared", "/data"));
  EXPECT_INSIDE(box, {
    EXPECT_EQ(names_in("/data"), (std::set<std::string>{"file", "sub"}));
    write_file("/data/file", "from inside");
    write_file("/data/new", "new");
    ASSERT_OK(unlink("/data/sub/inner"));
    ASSERT_OK(chmod("/data/sub", 0700));
  });
  EXPECT_EQ(read_file("shared/file"), "from inside");
  EXPECT_EQ(read_file("shared/new"), "new");
  EXPECT_FALSE(exists("shared/sub/inner"));
  struct stat status;
  ASSERT_OK(stat("shared/sub", &status));
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  write_file("shared/file", "from outside");
  EXPECT_INSIDE(box, EXPECT_EQ(read_file("/data/file"), "from outside"));
  EXPECT_FALSE(exists("/data"));
}

TEST_F(Volume, OfOneFile) {
  Box box;
  ASSERT_OK(mount_into(box, "shared/file", "/deep/er/name"));
  ASSERT_OK(mount_into(box, "shared/file", path("secret")));
  EXPECT_INSIDE(box, {
    EXPECT_EQ(read_file(path("secret")), "shared");
    write_file("/deep/er/name", "written");
    EXPECT_EQ(read_file(path("secret")), "written");
    EXPECT_ERRNO(EBUSY, unlink("/deep/er/name"));
    EXPECT_ERRNO(EBUSY, rename("/deep/er/name", "/deep/er/other"));
  });
  EXPECT_EQ(read_file("shared/file"), "written");
  EXPECT_EQ(read_file("secret"), "outside");
}

// A container below has a copy, as of all else that the one above it shows.
TEST_F(Volume, OfOneFileInContainersBelow) {
  ASSERT_OK(mkfifo("shared/fifo", 0600));
  struct stat before, after;
  ASSERT_OK(stat("shared/file", &before));
  Box outer(nesting());
  ASSERT_OK(mount_into(outer, "shared/file", "/name"));
  ASSERT_OK(mount_into(outer, "shared/fifo", "/fifo"));
  EXPECT_INSIDE(outer, {
    Box inner;
    EXPECT_INSIDE(inner, {
      EXPECT_EQ(read_file("/name"), "shared");
      ASSERT_OK(chmod("/name", 0600));
      write_file("/name", "below");
      EXPECT_EQ(read_file("/name"), "below");
      EXPECT_OK(chown("/fifo", 1, 1));
    });
    const Descriptor list(open_container_changes(inner.id()));
    char text[200] = {};
    ASSERT_OK(read(list, text, sizeof text - 1));
    EXPECT_NE(std::string(text).find("C /name\n"), std::string::npos) << text;
    EXPECT_EQ(read_file("/name"), "shared");
  });
  EXPECT_EQ(read_file("shared/file"), "shared");
  ASSERT_OK(stat("shared/file", &after));
  EXPECT_EQ(after.st_mode, before.st_mode);
  ASSERT_OK(stat("shared/fifo", &after));
  EXPECT_EQ(after.st_uid, 0u);
}

TEST_F(Volume, WhileProcessesRunInside) {
  Box box;
  Pipe ready, mounted;
  const pid_t inside = box.start([&] {
    ASSERT_OK(chdir("/"));
    EXPECT_FALSE(exists("/data"));
    ready.notify();
    mounted.wait();
    EXPECT_EQ(read_file("data/file"), "shared");
  });
  ready.wait();
  EXPECT_OK(mount_into(box, "shared", "/data"));
  mounted.notify();
  EXPECT_TRUE(reap(inside).exited(0));
}

TEST_F(Volume, ReadOnly) {
  remove_tree("shared");
  ASSERT_OK(mkdir("shared", 0755));
  write_file("shared/file", "original");
  ASSERT_OK(mkdir("shared/directory", 0755));
  Box box;
  ASSERT_OK(mount_into(box, "shared", "/data", ContainerMount::read_only));
  EXPECT_INSIDE(box, {
    ASSERT_OK(chdir("/data"));
    EXPECT_ERRNO(EROFS, open("file", O_WRONLY));
    EXPECT_ERRNO(EROFS, open("file", O_RDONLY | O_TRUNC));
    EXPECT_ERRNO(EROFS, open("new", O_WRONLY | O_CREAT, 0644));
    EXPECT_ERRNO(EROFS, open(".", O_TMPFILE | O_RDWR, 0600));
    EXPECT_ERRNO(EROFS, truncate("file", 0));
    EXPECT_ERRNO(EROFS, mkdir("new", 0755));
    EXPECT_ERRNO(EROFS, mknod("new", S_IFIFO | 0600, 0));
    EXPECT_ERRNO(EROFS, symlink("target", "new"));
    EXPECT_ERRNO(EROFS, link("file", "new"));
    EXPECT_ERRNO(EROFS, unlink("file"));
    EXPECT_ERRNO(EROFS, rmdir("directory"));
    EXPECT_ERRNO(EROFS, rename("file", "new"));
    EXPECT_ERRNO(EROFS, chmod("file", 0600));
    EXPECT_ERRNO(EROFS, chown("file", 1, 1));
    EXPECT_ERRNO(EROFS, utimensat(AT_FDCWD, "file", nullptr, 0));
    const Descriptor file = open_file("file", O_RDONLY);
    EXPECT_ERRNO(EROFS, fchmod(file, 0600));
    EXPECT_ERRNO(EACCES, mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    EXPECT_ERRNO(EROFS, open(("/proc/self/fd/" + std::to_string(file)).c_str(), O_RDWR));
    EXPECT_ERRNO(EPERM, mount(nullptr, "/data", nullptr, MS_REMOUNT, nullptr));
    EXPECT_ERRNO(EINVAL, umount2("/data", MNT_DETACH));
    EXPECT_ERRNO(EROFS, mkdir("/data/new", 0755));
  });
  EXPECT_EQ(read_file("shared/file"), "original");
}

// What is read leaves no trace either.
TEST_F(Volume, ReadOnlyKeepsAccessTimes) {
  ASSERT_OK(symlink("file", "shared/link"));
  timespec old[2] = {{1000, 0}, {2000, 0}};  // read before it was written: the next read is news
  for (const char* name : {"shared/file", "shared/link", "shared"})
    ASSERT_OK(utimensat(AT_FDCWD, name, old, AT_SYMLINK_NOFOLLOW));
  Box box;
  ASSERT_OK(mount_into(box, "shared", "/data", ContainerMount::read_only));
  EXPECT_INSIDE(box, {
    EXPECT_EQ(read_file("/data/file"), "shared");
    char text[8];
    EXPECT_EQ(readlink("/data/link", text, sizeof text), 4);
    EXPECT_EQ(names_in("/data").size(), 3u);
  });
  for (const char* name : {"shared/file", "shared/link", "shared"}) {
    struct stat status;
    ASSERT_OK(lstat(name, &status));
    EXPECT_EQ(status.st_atim.tv_sec, 1000) << name;
  }
}

TEST_F(Volume, TargetIsMadeInAReadOnlyRootToo) {
  ContainerCreate wanted;
  wanted.flags = ContainerCreate::read_only_root;
  Box box(wanted);
  ASSERT_OK(mount_into(box, "shared", "/made/for/it"));
  ASSERT_OK(mount_into(box, "shared/file", "/made/file"));
  EXPECT_INSIDE(box, {
    write_file("/made/for/it/file", "written");
    EXPECT_EQ(read_file("/made/file"), "written");
    EXPECT_ERRNO(EROFS, mkdir("/made/more", 0755));
  });
  EXPECT_EQ(read_file("shared/file"), "written");
}

TEST_F(Volume, InAVolume) {
  ASSERT_OK(mkdir("other", 0755));
  write_file("other/file", "other");
  Box box;
  ASSERT_OK(mount_into(box, "shared", "/data"));
  ASSERT_OK(mount_into(box, "other", "/data/sub"));
  ASSERT_OK(mount_into(box, "other", "/data"));  // over the first
  EXPECT_INSIDE(box, EXPECT_EQ(read_file("/data/file"), "other"));
}

TEST_F(Volume, LinksOfTheTargetAreFollowedInside) {
  Box box;
  EXPECT_INSIDE(box, {
    ASSERT_OK(symlink(path("secret-place").c_str(), "/data"));
    ASSERT_OK(mkdir(path("secret-place").c_str(), 0755));
  });
  ASSERT_OK(mount_into(box, "shared", "/data/below"));
  EXPECT_FALSE(exists("secret-place"));
  EXPECT_INSIDE(box, EXPECT_EQ(read_file(path("secret-place/below/file")), "shared"));
}

TEST_F(Volume, Errors) {
  Box box;
  EXPECT_ERRNO(ENOENT, mount_into(box, "none", "/data"));
  EXPECT_ERRNO(EINVAL, mount_into(box, "shared", "data"));
  EXPECT_ERRNO(EINVAL, mount_into(box, "shared", "/"));
  EXPECT_ERRNO(EINVAL, mount_into(box, "shared", "/.."));
  EXPECT_ERRNO(EINVAL, mount_into(box, "shared", ""));
  EXPECT_ERRNO(ENOTDIR, mount_into(box, "shared", path("secret")));
  EXPECT_ERRNO(ENOTDIR, mount_into(box, "secret", path("shared")));
  EXPECT_ERRNO(ENOTDIR, mount_into(box, "shared", path("secret") + "/below"));
  EXPECT_ERRNO(EINVAL, mount_into(box, "shared", "/data", 1u << 7));
  ContainerMount wanted;
  wanted.id = 12345;
  wanted.source = "shared";
  wanted.target = "/data";
  EXPECT_ERRNO(ESRCH, mount_in_container(wanted));
  EXPECT_CHILD({
    ASSERT_OK(setuid(1));
    EXPECT_ERRNO(EPERM, mount_into(box, "shared", "/data"));
  });
  EXPECT_INSIDE(box, {
    ContainerMount own;
    own.id = box.id();
    own.source = "/";
    own.target = "/data";
    EXPECT_ERRNO(ESRCH, mount_in_container(own));
  });
}

// --- getting out --------------------------------------------------------------------------------------------------------

TEST_F(Volume, DotDotLeadsToTheContainer) {
  Box box;
  ASSERT_OK(mount_into(box, "shared", "/mnt/data"));
  EXPECT_INSIDE(box, {
    write_file("/mnt/here", "inside");
    ASSERT_OK(chdir("/mnt/data/sub"));
    EXPECT_EQ(read_file("../../here"), "inside");
    EXPECT_FALSE(exists("../../secret"));
    ASSERT_OK(chdir("../.."));
    char text[64];
    EXPECT_STREQ(getcwd(text, sizeof text), "/mnt");
    const Descriptor data = open_file("/mnt/data", O_RDONLY | O_DIRECTORY);
    const Descriptor up{openat(data, "..", O_RDONLY | O_DIRECTORY)};
    EXPECT_OK(faccessat(up, "here", F_OK, 0));
    // A listing's entry of `..` tells the same.
    struct stat status;
    ASSERT_OK(stat("/mnt", &status));
    DIR* listing = opendir("/mnt/data");
    ASSERT_NE(listing, nullptr);
    while (const dirent* entry = readdir(listing))
      if (std::string(entry->d_name) == "..") EXPECT_EQ(entry->d_ino, status.st_ino);
    closedir(listing);
  });
}

TEST_F(Volume, LinksInItAreFollowedInside) {
  ASSERT_OK(symlink(path("secret").c_str(), "shared/absolute"));
  ASSERT_OK(symlink("../secret", "shared/relative"));
  Box box;
  ASSERT_OK(mount_into(box, "shared", "/data"));
  EXPECT_INSIDE(box, {
    write_file(path("secret"), "inside");
    EXPECT_EQ(read_file("/data/absolute"), "inside");
    EXPECT_ERRNO(ENOENT, open("/data/relative", O_RDONLY));
  });
  EXPECT_EQ(read_file("secret"), "outside");
}

TEST_F(Volume, NothingIsLinkedOrMovedOutOfIt) {
  Box box;
  ASSERT_OK(mount_into(box, "shared", "/data"));
  ASSERT_OK(mount_into(box, "shared/sub", "/sub"));
  EXPECT_INSIDE(box, {
    write_file("/own", "inside");
    EXPECT_ERRNO(EXDEV, link("/data/file", "/link"));
    EXPECT_ERRNO(EXDEV, link("/own", "/data/link"));
    EXPECT_ERRNO(EXDEV, link("/data/file", "/sub/link"));
    EXPECT_ERRNO(EXDEV, rename("/data/file", "/moved"));
    EXPECT_ERRNO(EXDEV, rename("/own", "/data/moved"));
    EXPECT_ERRNO(EXDEV, rename("/data/file", "/sub/moved"));
    const Descriptor file = open_file("/data/file", O_RDONLY);
    const std::string magic = "/proc/self/fd/" + std::to_string(file);
    EXPECT_ERRNO(EXDEV, linkat(AT_FDCWD, magic.c_str(), AT_FDCWD, "/link", AT_SYMLINK_FOLLOW));
    EXPECT_ERRNO(EBUSY, rmdir("/data"));
    EXPECT_ERRNO(EBUSY, rename("/data", "/elsewhere"));
  });
}

// A process stands in a directory that is moved out of what its mount shows: above it there is nothing.
TEST_F(Volume, OutOfADirectoryThatIsMovedOutOfItNothingLeads) {
  Box box;
  ASSERT_OK(mount_into(box, "shared/sub", "/data"));
  ASSERT_OK(mkdir("shared/sub/deep", 0755));
  Pipe ready, moved;
  const pid_t inside = box.start([&] {
    ASSERT_OK(chdir("/data/deep"));
    const Descriptor here = open_file(".", O_RDONLY | O_DIRECTORY);
    ready.notify();
    moved.wait();
    EXPECT_ERRNO(ENOENT, open("../secret", O_RDONLY));
    EXPECT_ERRNO(ENOENT, chdir(".."));
    EXPECT_ERRNO(ENOENT, openat(here, "..", O_RDONLY));
    EXPECT_ERRNO(ENOENT, open(("/proc/self/fd/" + std::to_string(here) + "/..").c_str(), O_RDONLY));
    char text[4096] = "";
    ::syscall(SYS_getcwd, text, sizeof text);
    EXPECT_TRUE(std::string(text).starts_with("(unreachable)")) << text;
    write_file("still", "here");
  });
  ready.wait();
  ASSERT_OK(rename("shared/sub/deep", "deep"));
  moved.notify();
  EXPECT_TRUE(reap(inside).exited(0));
  EXPECT_EQ(read_file("deep/still"), "here");
}

// The same with two volumes, of which one shows more than the other: no help from outside is needed.
TEST_F(Volume, TwoOfOneTreeAreNoWayOut) {
  Box box;
  ASSERT_OK(mkdir("shared/sub/deep", 0755));
  ASSERT_OK(mount_into(box, "shared", "/wide"));
  ASSERT_OK(mount_into(box, "shared/sub", "/narrow"));
  EXPECT_INSIDE(box, {
    ASSERT_OK(chdir("/narrow/deep"));
    ASSERT_OK(rename("/wide/sub/deep", "/wide/deep"));
    EXPECT_ERRNO(ENOENT, open("../../secret", O_RDONLY));
    EXPECT_ERRNO(ENOENT, chdir(".."));
  });
}

TEST_F(Volume, DescriptorsOfItLeadNowhereOutside) {
  Box box;
  ASSERT_OK(mount_into(box, "shared", "/data"));
  const Descriptor outside = open_file("shared", O_RDONLY | O_DIRECTORY);
  EXPECT_INSIDE(box, {
    EXPECT_ERRNO(EXDEV, openat(outside, "file", O_RDONLY));
    EXPECT_ERRNO(EXDEV, fchdir(outside));
  });
}

// A process that joined and leaves loses what it had opened and mapped of a volume, and keeps what is its own of the same
// file system: its program.
TEST_F(Volume, LeavingLetsGoOfIt) {
  Box box;
  ASSERT_OK(mount_into(box, "shared", "/data"));
  EXPECT_CHILD({
    const Descriptor own = open_file("secret", O_RDONLY);
    Mapping own_mapping(page_size, PROT_READ, MAP_SHARED, own);
    ASSERT_OK(join_container(box.id()));
    const int file = open("/data/file", O_RDWR);
    ASSERT_OK(file);
    void* mapped = mmap(nullptr, page_size, PROT_READ, MAP_SHARED, file, 0);
    ASSERT_OK(mapped);
    ASSERT_OK(leave_container());
    EXPECT_ERRNO(EBADF, fcntl(file, F_GETFD));
    unsigned char present;
    EXPECT_ERRNO(ENOMEM, mincore(mapped, page_size, &present));
    EXPECT_EQ(*own_mapping.as<char>(), 'o');
  });
}

TEST_F(Volume, IsSeenCopiedOnWriteByAContainerOfItsOwnRoot) {
  Box box;
  ASSERT_OK(mount_into(box, "shared", path("secret-volume")));
  ContainerCreate wanted;
  wanted.root = "shared";
  Box image(wanted);
  EXPECT_INSIDE(image, {
    EXPECT_EQ(read_file("/file"), "shared");
    write_file("/file", "changed");
  });
  EXPECT_EQ(read_file("shared/file"), "shared");
}

// --- nothing is left ----------------------------------------------------------------------------------------------------

TEST_F(Volume, TheSourceIsFreeAgainAfterDestroy) {
  ASSERT_OK(mount("tmpfs", "shared", "tmpfs", 0, nullptr));
  write_file("shared/file", "mounted");
  {
    Box box;
    ASSERT_OK(mount_into(box, "shared", "/data"));
    ASSERT_OK(mount_into(box, "shared/file", "/file"));
    EXPECT_INSIDE(box, EXPECT_EQ(read_file("/data/file"), "mounted"));
  }
  EXPECT_OK(umount("shared"));
}

// The host lets go of a file system first.
TEST_F(Volume, OutlivesTheMountOutside) {
  ASSERT_OK(mount("tmpfs", "shared", "tmpfs", 0, nullptr));
  ASSERT_OK(mkdir("shared/sub", 0755));
  write_file("shared/sub/file", "mounted");
  Box box;
  ASSERT_OK(mount_into(box, "shared/sub", "/data"));
  ASSERT_OK(umount("shared"));
  EXPECT_INSIDE(box, {
    EXPECT_EQ(read_file("/data/file"), "mounted");
    EXPECT_FALSE(exists("/data/../sub"));
  });
}

}  // namespace
}  // namespace cv6::guest
