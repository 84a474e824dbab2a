// What an ordinary user may do with files: owner, group and others; directories; sticky; umask.

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

constexpr uid_t user = 1000;
constexpr gid_t group = 2000;
constexpr uid_t other_user = 1001;

class Permission : public TempDir {
 protected:
  // Runs the body as that user, in that group and with those further groups.
  void as(uid_t uid, gid_t gid, const std::function<void()>& body, std::initializer_list<gid_t> groups = {}) {
    EXPECT_CHILD({
      ASSERT_OK(setgroups(groups.size(), groups.begin()));
      ASSERT_OK(setresgid(gid, gid, gid));
      ASSERT_OK(setresuid(uid, uid, uid));
      body();
    });
  }
  void make(const char* name, mode_t mode, uid_t uid = user, gid_t gid = group) {
    write_file(name, "text");
    ASSERT_OK(chown(name, uid, gid));
    ASSERT_OK(chmod(name, mode));
  }
  void make_directory(const char* name, mode_t mode, uid_t uid = user, gid_t gid = group) {
    ASSERT_OK(mkdir(name, 0755));
    ASSERT_OK(chown(name, uid, gid));
    ASSERT_OK(chmod(name, mode));
  }
};

// "rwx" with a dash for what access() refuses.
std::string rights(const char* name) {
  std::string text;
  text += access(name, R_OK) == 0 ? 'r' : '-';
  text += access(name, W_OK) == 0 ? 'w' : '-';
  text += access(name, X_OK) == 0 ? 'x' : '-';
  return text;
}

TEST_F(Permission, OwnerGroupAndOthersInThisOrder) {
  make("f", 0421);  // owner reads, group writes, others execute
  as(user, group, [] { EXPECT_EQ(rights("f"), "r--"); });
  as(other_user, group, [] { EXPECT_EQ(rights("f"), "-w-"); });
  as(other_user, 77, [] { EXPECT_EQ(rights("f"), "-w-"); }, {50, group});  // by a supplementary group
  as(other_user, 77, [] { EXPECT_EQ(rights("f"), "--x"); });
}

TEST_F(Permission, OpenChecksWhatItAsksFor) {
  make("f", 0400);
  as(user, group, [] {
    EXPECT_OK(open_file("f", O_RDONLY));
    EXPECT_ERRNO(EACCES, open("f", O_WRONLY));
    EXPECT_ERRNO(EACCES, open("f", O_RDWR));
    EXPECT_ERRNO(EACCES, open("f", O_RDONLY | O_TRUNC));
  });
  as(other_user, 77, [] { EXPECT_ERRNO(EACCES, open("f", O_RDONLY)); });
  EXPECT_EQ(read_file("f"), "text");
}

TEST_F(Permission, OpenDescriptorsKeepTheirRights) {
  make("f", 0600);
  as(user, group, [] {
    Descriptor file = open_file("f", O_RDWR);
    ASSERT_OK(chmod("f", 0));
    EXPECT_EQ(write(file, "T", 1), 1);
    EXPECT_ERRNO(EACCES, open("f", O_RDONLY));
  });
}

TEST_F(Permission, DirectoriesNeedExecuteToPass) {
  make_directory("d", 0755);
  make("d/f", 0644);
  ASSERT_OK(chmod("d", 0600));  // names may be listed, not used
  as(user, group, [] {
    EXPECT_OK(open_file("d", O_RDONLY));
    struct stat status;
    EXPECT_ERRNO(EACCES, stat("d/f", &status));
    EXPECT_ERRNO(EACCES, open("d/f", O_RDONLY));
    EXPECT_ERRNO(EACCES, chdir("d"));
  });
  ASSERT_OK(chmod("d", 0100));  // used, not listed
  as(user, group, [] {
    EXPECT_ERRNO(EACCES, open("d", O_RDONLY));
    EXPECT_EQ(read_file("d/f"), "text");
    EXPECT_OK(chdir("d"));
    EXPECT_OK(open_file("f", O_RDONLY));
  });
}

TEST_F(Permission, ChangingEntriesNeedsWriteOfTheDirectory) {
  make_directory("d", 0555);
  make("d/f", 0666);
  as(user, group, [] {
    EXPECT_ERRNO(EACCES, unlink("d/f"));
    EXPECT_ERRNO(EACCES, open("d/new", O_RDWR | O_CREAT, 0644));
    EXPECT_ERRNO(EACCES, mkdir("d/new", 0755));
    EXPECT_ERRNO(EACCES, symlink("x", "d/new"));
    EXPECT_ERRNO(EACCES, link("d/f", "d/new"));
    EXPECT_ERRNO(EACCES, rename("d/f", "d/new"));
    EXPECT_ERRNO(EACCES, mknod("d/new", S_IFIFO | 0600, 0));
    EXPECT_OK(open_file("d/f", O_RDWR | O_CREAT));  // it is there: the directory does not matter
  });
  make_directory("open", 0777);
  make("open/f", 0, 0, 0);
  as(user, group, [] { EXPECT_OK(unlink("open/f")); });  // the file's own mode does not matter
}

TEST_F(Permission, StickyDirectoriesProtectEntries) {
  make_directory("d", 01777, 0, 0);
  make("d/mine", 0666);
  make("d/theirs", 0666, other_user);
  as(user, group, [] {
    EXPECT_ERRNO(EPERM, unlink("d/theirs"));
    EXPECT_ERRNO(EPERM, rename("d/theirs", "d/x"));
    EXPECT_ERRNO(EPERM, rename("d/mine", "d/theirs"));
    EXPECT_OK(rename("d/mine", "d/mine2"));
    EXPECT_OK(unlink("d/mine2"));
  });
  ASSERT_OK(chown("d", user, group));
  as(user, group, [] { EXPECT_OK(unlink("d/theirs")); });  // the directory's owner may
}

TEST_F(Permission, ChmodAndChownNeedTheOwner) {
  make("f", 0666);
  as(other_user, group, [] {
    EXPECT_ERRNO(EPERM, chmod("f", 0600));
    EXPECT_ERRNO(EPERM, chown("f", other_user, -1));
    EXPECT_ERRNO(EPERM, chown("f", -1, group));
  });
  as(user, group,
     [] {
       EXPECT_OK(chmod("f", 0640));
       EXPECT_ERRNO(EPERM, chown("f", other_user, -1));
       EXPECT_ERRNO(EPERM, chown("f", -1, 3000));
       EXPECT_OK(chown("f", -1, 50));  // to a group of one's own
       EXPECT_OK(chown("f", user, group));
     },
     {50});
}

TEST_F(Permission, SetgidBitNeedsMembership) {
  make("f", 0755, user, 3000);
  as(user, group, [] {
    ASSERT_OK(chmod("f", 02755));
    struct stat status;
    ASSERT_OK(stat("f", &status));
    EXPECT_EQ(status.st_mode & 07777, 0755u);
  });
}

TEST_F(Permission, TimesNeedOwnerOrWrite) {
  make("f", 0644);
  make("g", 0666);
  const timespec times[2] = {{5, 0}, {6, 0}};
  as(other_user, 77, [&] {
    EXPECT_ERRNO(EACCES, utimensat(AT_FDCWD, "f", nullptr, 0));
    EXPECT_ERRNO(EPERM, utimensat(AT_FDCWD, "f", times, 0));
    EXPECT_OK(utimensat(AT_FDCWD, "g", nullptr, 0));
    EXPECT_ERRNO(EPERM, utimensat(AT_FDCWD, "g", times, 0));
  });
  as(user, group, [&] { EXPECT_OK(utimensat(AT_FDCWD, "f", times, 0)); });
}

TEST_F(Permission, ExecNeedsTheBit) {
  make("script", 0755);
  write_file("script", "#!/nonexistent\n");
  ASSERT_OK(chmod("script", 0744));
  as(other_user, 77, [] { EXPECT_ERRNO(EACCES, execl("./script", "x", nullptr)); });
  as(user, group, [] { EXPECT_ERRNO(ENOENT, execl("./script", "x", nullptr)); });
}

TEST_F(Permission, OnlyRootMakesDevices) {
  make_directory("d", 0777);
  as(user, group, [] {
    EXPECT_ERRNO(EPERM, mknod("d/null", S_IFCHR | 0666, makedev(1, 3)));
    EXPECT_OK(mknod("d/fifo", S_IFIFO | 0600, 0));
    EXPECT_OK(mknod("d/file", S_IFREG | 0600, 0));
  });
}

TEST_F(Permission, NewFilesBelongToTheirMaker) {
  make_directory("d", 0777);
  as(user, group, [] {
    Descriptor file = open_file("d/f", O_RDWR | O_CREAT, 0666);
    struct stat status;
    ASSERT_OK(fstat(file, &status));
    EXPECT_EQ(status.st_uid, user);
    EXPECT_EQ(status.st_gid, group);
  });
}

TEST_F(Permission, NoatimeNeedsTheOwner) {
  make("f", 0666);
  as(other_user, 77, [] { EXPECT_ERRNO(EPERM, open("f", O_RDONLY | O_NOATIME)); });
  as(user, group, [] { EXPECT_OK(open_file("f", O_RDONLY | O_NOATIME)); });
}

TEST_F(Permission, AccessUsesRealIds) {
  make("f", 0600, 0, 0);
  EXPECT_CHILD({
    ASSERT_OK(setresuid(user, 0, 0));
    EXPECT_ERRNO(EACCES, access("f", R_OK));
    EXPECT_OK(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, AT_EACCESS));
    EXPECT_OK(open_file("f", O_RDONLY));
  });
}

TEST_F(Permission, ReopeningThroughProcChecksAgain) {
  make("f", 0600, 0, 0);
  Descriptor file = open_file("f", O_RDONLY);
  as(user, group, [&] {
    char byte;
    EXPECT_EQ(pread(file, &byte, 1, 0), 1);
    EXPECT_ERRNO(EACCES, open(("/proc/self/fd/" + std::to_string(file)).c_str(), O_RDONLY));
  });
}

TEST_F(Permission, Umask) {
  EXPECT_CHILD({
    const mode_t before = umask(0);
    EXPECT_EQ(before, 022u);
    EXPECT_EQ(umask(07777), 0u);
    EXPECT_EQ(umask(077), 0777u);  // only the permission bits are kept
    ASSERT_OK(mkdir("d", 0777));
    ASSERT_OK(mkfifo("p", 0666));
    ASSERT_OK(symlink("x", "s"));
    struct stat status;
    ASSERT_OK(stat("d", &status));
    EXPECT_EQ(status.st_mode & 07777, 0700u);
    ASSERT_OK(stat("p", &status));
    EXPECT_EQ(status.st_mode & 07777, 0600u);
    ASSERT_OK(lstat("s", &status));
    EXPECT_EQ(status.st_mode & 07777, 0777u);
    EXPECT_CHILD({ EXPECT_EQ(umask(0), 077u); });
    EXPECT_EQ(umask(0), 077u);
  });
}

}  // namespace
}  // namespace cv6::guest
