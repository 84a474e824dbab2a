// Attempts to get out of a container: by names, links, descriptors, /proc, numbers and terminals.

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>

#include "support/child.hpp"
#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/signals.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

// A file that is secret once the container has a public one of its own in its place.
class ContainerEscape : public ContainersAndFiles {
 protected:
  void SetUp() override {
    ContainersAndFiles::SetUp();
    write_file("file", "outside");
    ASSERT_OK(mkdir("directory", 0755));
    write_file("directory/file", "outside");
  }
  // The container changes every name here, so that whatever reads "outside" has got out.
  static void make_own() {
    write_file("file", "inside");
    write_file("directory/file", "inside");
  }
};

std::string link_to(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

TEST_F(ContainerEscape, DotDotEndsAtTheTop) {
  Box box;
  EXPECT_INSIDE(box, {
    make_own();
    std::string up;
    for (int i = 0; i < 30; ++i) up += "../";
    EXPECT_EQ(read_file(up + path("file").substr(1)), "inside");
    EXPECT_EQ(read_file("/" + up + path("file").substr(1)), "inside");
    ASSERT_OK(chdir("/"));
    ASSERT_OK(chdir(".."));
    char text[100];
    ASSERT_NE(getcwd(text, sizeof text), nullptr);
    EXPECT_STREQ(text, "/");
    EXPECT_EQ(read_file(path("file")), "inside");
  });
}

TEST_F(ContainerEscape, ChrootAndDotDot) {
  Box box;
  EXPECT_INSIDE(box, {
    make_own();
    const Descriptor top = open_file("/", O_RDONLY | O_DIRECTORY);
    ASSERT_OK(chroot("directory"));  // the working directory is above the new root now
    for (int i = 0; i < 30; ++i) ASSERT_OK(chdir(".."));
    ASSERT_OK(chroot("."));
    EXPECT_EQ(read_file(path("file")), "inside");
    ASSERT_OK(fchdir(top));
    ASSERT_OK(chroot("."));
    EXPECT_EQ(read_file(path("file")), "inside");
    EXPECT_EQ(cid(), box.id());
  });
}

TEST_F(ContainerEscape, DirectoryDescriptorsOfOutsideLeadNowhere) {
  Box box;
  const Descriptor top = open_file("/", O_RDONLY | O_DIRECTORY);
  const Descriptor here = open_file(".", O_RDONLY | O_DIRECTORY);
  const Descriptor by_path = open_file(".", O_PATH | O_DIRECTORY);
  EXPECT_INSIDE(box, {
    make_own();
    for (const int fd : {top.get(), here.get(), by_path.get()}) {
      const std::string name = fd == top ? path("file").substr(1) : "file";
      struct stat status;
      EXPECT_ERRNO(EXDEV, openat(fd, name.c_str(), O_RDONLY));
      EXPECT_ERRNO(EXDEV, openat(fd, "new", O_WRONLY | O_CREAT, 0644));
      EXPECT_ERRNO(EXDEV, openat(fd, ".", O_RDONLY));
      EXPECT_ERRNO(EXDEV, openat(fd, "..", O_RDONLY));
      EXPECT_ERRNO(EXDEV, openat(fd, ".", O_TMPFILE | O_RDWR, 0600));
      EXPECT_ERRNO(EXDEV, fstatat(fd, name.c_str(), &status, 0));
      EXPECT_ERRNO(EXDEV, faccessat(fd, name.c_str(), F_OK, 0));
      EXPECT_ERRNO(EXDEV, mkdirat(fd, "new", 0755));
      EXPECT_ERRNO(EXDEV, mknodat(fd, "new", S_IFIFO | 0600, 0));
      EXPECT_ERRNO(EXDEV, unlinkat(fd, name.c_str(), 0));
      EXPECT_ERRNO(EXDEV, unlinkat(fd, "directory", AT_REMOVEDIR));
      EXPECT_ERRNO(EXDEV, symlinkat("target", fd, "new"));
      EXPECT_ERRNO(EXDEV, renameat(fd, name.c_str(), fd, "new"));
      EXPECT_ERRNO(EXDEV, renameat(AT_FDCWD, "file", fd, "new"));
      EXPECT_ERRNO(EXDEV, renameat(fd, name.c_str(), AT_FDCWD, "new"));
      EXPECT_ERRNO(EXDEV, linkat(fd, name.c_str(), AT_FDCWD, "new", 0));
      EXPECT_ERRNO(EXDEV, linkat(AT_FDCWD, "file", fd, "new", 0));
      EXPECT_ERRNO(EXDEV, fchmodat(fd, name.c_str(), 0600, 0));
      EXPECT_ERRNO(EXDEV, fchownat(fd, name.c_str(), 1, 1, 0));
      EXPECT_ERRNO(EXDEV, utimensat(fd, name.c_str(), nullptr, 0));
      char text[8];
      EXPECT_ERRNO(EXDEV, readlinkat(fd, "link", text, sizeof text));
      open_how how{};
      how.flags = O_RDONLY;
      EXPECT_ERRNO(EXDEV, ::syscall(SYS_openat2, fd, name.c_str(), &how, sizeof how));
      EXPECT_ERRNO(EXDEV, fchdir(fd));
      EXPECT_ERRNO(EXDEV, execveat(fd, "directory/file", nullptr, nullptr, 0));
      EXPECT_ERRNO(EXDEV, chdir(link_to(fd).c_str()));
      EXPECT_ERRNO(EXDEV, chroot(link_to(fd).c_str()));
      EXPECT_ERRNO(EXDEV, ::open((link_to(fd) + "/" + name).c_str(), O_RDONLY));
      EXPECT_ERRNO(EXDEV, ::open((link_to(fd) + "/..").c_str(), O_RDONLY));
      EXPECT_ERRNO(EXDEV, mount(link_to(fd).c_str(), link_to(fd).c_str(), "tmpfs", 0, nullptr));
      EXPECT_ERRNO(EXDEV, umount(link_to(fd).c_str()));
    }
    EXPECT_EQ(read_file("file"), "inside");
  });
  EXPECT_EQ(read_file("file"), "outside");
  EXPECT_FALSE(exists("new"));
}

TEST_F(ContainerEscape, FilesOfOutsideCannotBeOpenedAgainOrLinked) {
  Box box;
  const Descriptor readable = open_file("file", O_RDONLY);
  const Descriptor by_path = open_file("file", O_PATH);
  const Descriptor unnamed = open_file(".", O_TMPFILE | O_RDWR, 0600);
  ASSERT_OK(unnamed);
  EXPECT_INSIDE(box, {
    make_own();
    for (const int fd : {readable.get(), by_path.get(), unnamed.get()}) {
      EXPECT_ERRNO(EXDEV, ::open(link_to(fd).c_str(), O_RDONLY));
      EXPECT_ERRNO(EXDEV, ::open(link_to(fd).c_str(), O_WRONLY));
      EXPECT_ERRNO(EXDEV, ::open(("/dev/fd/" + std::to_string(fd)).c_str(), O_RDONLY));
      EXPECT_ERRNO(EXDEV, truncate(link_to(fd).c_str(), 0));
      EXPECT_ERRNO(EXDEV, chmod(link_to(fd).c_str(), 0777));
      EXPECT_ERRNO(EXDEV, linkat(AT_FDCWD, link_to(fd).c_str(), AT_FDCWD, "caught", AT_SYMLINK_FOLLOW));
      EXPECT_ERRNO(EXDEV, linkat(fd, "", AT_FDCWD, "caught", AT_EMPTY_PATH));
      EXPECT_ERRNO(EXDEV, execl(link_to(fd).c_str(), "x", nullptr));
      // A link of its own to it leads no further.
      EXPECT_OK(symlink(link_to(fd).c_str(), "pointer"));
      EXPECT_ERRNO(EXDEV, ::open("pointer", O_RDONLY));
      EXPECT_OK(unlink("pointer"));
    }
    char byte;
    EXPECT_ERRNO(EBADF, ::read(by_path, &byte, 1));
    EXPECT_FALSE(exists("caught"));
  });
  EXPECT_EQ(read_file("file"), "outside");
}

// What was open before gives its data; what it is stays as it is.
TEST_F(ContainerEscape, AttributesOfOpenFilesOfOutside) {
  const Descriptor file = open_file("file", O_RDWR), directory = open_file("directory", O_RDONLY | O_DIRECTORY);
  struct stat before[2], after[2];
  ASSERT_OK(fstat(file, &before[0]));
  ASSERT_OK(fstat(directory, &before[1]));
  Box box;
  EXPECT_INSIDE(box, {
    for (const int fd : {file.get(), directory.get()}) {
      EXPECT_ERRNO(EXDEV, fchmod(fd, 0777));
      EXPECT_ERRNO(EXDEV, fchown(fd, 1, 1));
      EXPECT_ERRNO(EXDEV, fchownat(fd, "", 1, 1, AT_EMPTY_PATH));
      EXPECT_ERRNO(EXDEV, futimens(fd, nullptr));
    }
    ASSERT_OK(chmod("file", 0777));  // its own
  });
  ASSERT_OK(fstat(file, &after[0]));
  ASSERT_OK(fstat(directory, &after[1]));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(after[i].st_mode, before[i].st_mode);
    EXPECT_EQ(after[i].st_uid, before[i].st_uid);
    EXPECT_EQ(after[i].st_mtim.tv_nsec, before[i].st_mtim.tv_nsec);
  }
}

// Those outside would wait for the container.
TEST_F(ContainerEscape, LocksOnOpenFilesOfOutside) {
  const Descriptor file = open_file("file", O_RDWR);
  Box box;
  EXPECT_INSIDE(box, {
    struct flock lock{};
    lock.l_type = F_WRLCK;
    EXPECT_ERRNO(ENOLCK, flock(file, LOCK_SH | LOCK_NB));
    EXPECT_ERRNO(ENOLCK, fcntl(file, F_SETLK, &lock));
    EXPECT_ERRNO(ENOLCK, fcntl(file, F_OFD_SETLK, &lock));
    EXPECT_OK(flock(file, LOCK_UN));
    const Descriptor own = open_file("file", O_RDWR);
    EXPECT_OK(flock(own, LOCK_EX | LOCK_NB));
    EXPECT_OK(fcntl(own, F_SETLK, &lock));
  });
}

// What is in it is charged to whoever made it, not to the container.
TEST_F(ContainerEscape, PipesOfOutsideKeepTheirSize) {
  Pipe pipe;
  Box box;
  EXPECT_INSIDE(box, {
    EXPECT_ERRNO(EPERM, fcntl(pipe.write, F_SETPIPE_SZ, 1 << 20));
    EXPECT_ERRNO(EPERM, fcntl(pipe.read, F_SETPIPE_SZ, 4096));
    Pipe own;
    EXPECT_EQ(fcntl(own.write, F_SETPIPE_SZ, 1 << 20), 1 << 20);
  });
  EXPECT_EQ(fcntl(pipe.read, F_GETPIPE_SZ), 65536);
}

// CLONE_PARENT: who sent it in would have to wait for its children.
TEST_F(ContainerEscape, NoChildrenForAParentOutside) {
  const auto make_sibling = [] {
    const long pid = ::syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, 0);
    if (pid == 0) _exit(0);
    return pid;
  };
  Box box;
  EXPECT_INSIDE(box, {
    EXPECT_ERRNO(EINVAL, make_sibling());
    EXPECT_CHILD(EXPECT_OK(make_sibling()));  // its parent is inside
    EXPECT_OK(wait(nullptr));
  });
  EXPECT_ERRNO(ECHILD, wait(nullptr));
  // An orphan of a container without a first process has no parent at all.
  Pipe orphaned, answer;
  EXPECT_INSIDE(box, {
    const pid_t middle = fork();
    if (middle == 0) {
      if (fork() != 0) _exit(0);
      orphaned.write.close();
      orphaned.wait();
      const char refused = make_sibling() == -1 && errno == EINVAL;
      write(answer.write, &refused, 1);
      _exit(0);
    }
    EXPECT_OK(waitpid(middle, nullptr, 0));
  });
  orphaned.notify();
  answer.write.close();
  char refused = 0;
  EXPECT_EQ(read(answer.read, &refused, 1), 1);
  EXPECT_EQ(refused, 1);
}

TEST_F(ContainerEscape, OwnLinksInProcLeadNowhereOutside) {
  Box box;
  EXPECT_INSIDE(box, {
    // The program was started outside.
    EXPECT_ERRNO(EXDEV, ::open("/proc/self/exe", O_RDONLY));
    char text[300];
    EXPECT_GT(readlink("/proc/self/exe", text, sizeof text), 0);
    // Root and working directory are inside by now.
    make_own();
    EXPECT_EQ(read_file("/proc/self/cwd/file"), "inside");
    EXPECT_EQ(read_file("/proc/self/root" + path("file")), "inside");
    EXPECT_EQ(read_file("/proc/thread-self/root/../.." + path("file")), "inside");
  });
}

TEST_F(ContainerEscape, NumbersOfOutsideMeanNothing) {
  Box box;
  const pid_t parent = getpid();
  EXPECT_INSIDE(box, {
    for (const pid_t pid : {parent, 1}) {
      EXPECT_ERRNO(ESRCH, kill(pid, 0));
      EXPECT_ERRNO(ECHILD, waitpid(pid, nullptr, WNOHANG));
      EXPECT_ERRNO(ESRCH, setpgid(pid, 0));
      EXPECT_ERRNO(EPERM, setpgid(0, pid));
      EXPECT_ERRNO(ESRCH, getsid(pid));
      EXPECT_ERRNO(ESRCH, setpriority(PRIO_PROCESS, pid, 1));
      EXPECT_ERRNO(ESRCH, setpriority(PRIO_PGRP, pid, 1));
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(0, &set);
      EXPECT_ERRNO(ESRCH, sched_setaffinity(pid, sizeof set, &set));
      rlimit limit{100, 100};
      EXPECT_ERRNO(ESRCH, prlimit(pid, RLIMIT_CORE, &limit, nullptr));
      void* head = nullptr;
      std::size_t size = 0;
      EXPECT_ERRNO(ESRCH, ::syscall(SYS_get_robust_list, pid, &head, &size));
      clockid_t clock = 0;
      EXPECT_NE(clock_getcpuclockid(pid, &clock), 0);
    }
  });
}

// A terminal that a session outside has: neither its foreground nor the terminal itself can be taken.
TEST_F(ContainerEscape, TerminalsOfOutside) {
  Box box;
  const Descriptor slave = open_file("/dev/console", O_RDWR | O_NOCTTY);
  if (slave == -1) GTEST_SKIP() << "no terminal";
  EXPECT_CHILD({
    ASSERT_OK(setsid());
    ASSERT_OK(ioctl(slave, TIOCSCTTY, 1));
    const Handler handler(SIGHUP, SIG_IGN);
    const pid_t outside = getpid();
    const pid_t joined = spawn_checked([&] {
      ASSERT_OK(join_container(box.id()));
      const pid_t outer = outside;
      EXPECT_ERRNO(ESRCH, ioctl(slave, TIOCSPGRP, &outer));
      EXPECT_EQ(tcgetpgrp(slave), 0);
      ASSERT_OK(setsid());
      EXPECT_ERRNO(EPERM, ioctl(slave, TIOCSCTTY, 0));
      EXPECT_ERRNO(EPERM, ioctl(slave, TIOCSCTTY, 1));
      EXPECT_ERRNO(ENOTTY, tcgetpgrp(slave));
    });
    EXPECT_TRUE(reap(joined).exited(0));
    EXPECT_EQ(tcgetpgrp(slave), outside);
    ASSERT_OK(ioctl(slave, TIOCNOTTY));
  });
}

TEST_F(ContainerEscape, TheMachineIsTheHosts) {
  Box box;
  EXPECT_INSIDE(box, {
    timeval time{1000, 0};
    EXPECT_ERRNO(EPERM, settimeofday(&time, nullptr));
    timespec clock{1000, 0};
    EXPECT_ERRNO(EPERM, clock_settime(CLOCK_REALTIME, &clock));
    char text[100];
    EXPECT_ERRNO(EPERM, ::syscall(SYS_syslog, 3, text, sizeof text));
    EXPECT_ERRNO(EPERM, ::open("/dev/kmsg", O_RDONLY));
    EXPECT_ERRNO(EPERM, ::open("/dev/kmsg", O_WRONLY));
    // The machine's console, ports and memory, also by nodes of its own.
    for (const char* terminal : {"/dev/console", "/dev/hvc0"})
      if (access(terminal, F_OK) == 0) EXPECT_ERRNO(EPERM, ::open(terminal, O_RDWR | O_NOCTTY)) << terminal;
    ASSERT_OK(mknod("console", S_IFCHR | 0600, makedev(5, 1)));
    EXPECT_EQ(::open("console", O_RDWR | O_NOCTTY), -1);
    DIR* ports = opendir("/dev/virtio-ports");
    if (ports) {
      while (const dirent* entry = readdir(ports))
        if (entry->d_name[0] != '.') EXPECT_ERRNO(EPERM, openat(dirfd(ports), entry->d_name, O_RDWR)) << entry->d_name;
      closedir(ports);
    }
    ASSERT_OK(mknod("port", S_IFCHR | 0600, makedev(240, 0)));
    EXPECT_EQ(::open("port", O_RDWR), -1);
    ASSERT_OK(mknod("memory", S_IFCHR | 0600, makedev(1, 1)));
    EXPECT_EQ(::open("memory", O_RDWR), -1);
    ASSERT_OK(mknod("log", S_IFCHR | 0600, makedev(1, 11)));
    EXPECT_ERRNO(EPERM, ::open("log", O_RDWR));
    EXPECT_EQ(read_file("/proc/cv6/objects").find("frames"), std::string::npos);
    EXPECT_ERRNO(ESRCH, reboot(RB_POWER_OFF));  // it would end the container's first process: there is none
  });
}

TEST_F(ContainerEscape, MountsInsideStayInside) {
  Box box;
  EXPECT_INSIDE(box, {
    ASSERT_OK(mount("tmpfs", "directory", "tmpfs", 0, nullptr));
    write_file("directory/mounted", "x");
    ASSERT_OK(mount("proc", "/mnt", "proc", 0, nullptr));
    EXPECT_FALSE(exists("/mnt/" + std::to_string(getppid() + 1000000)));
    EXPECT_TRUE(exists("/mnt/self"));
    EXPECT_ERRNO(EPERM, mount("devtmpfs", "/mnt", "devtmpfs", 0, nullptr));
    ASSERT_OK(umount2("/proc", MNT_DETACH));
    EXPECT_FALSE(exists("/proc/self"));
  });
  EXPECT_FALSE(exists("directory/mounted"));
  EXPECT_FALSE(exists("/mnt/self"));
  EXPECT_TRUE(exists("/proc/self"));
  EXPECT_EQ(read_file("directory/file"), "outside");
}

// Locks of one side do not hold the other up.
TEST_F(ContainerEscape, LocksOfFilesDoNotReachOut) {
  Box box;
  Pipe locked;
  Pipe end;
  const pid_t inside = box.start([&] {
    const Descriptor file = open_file("file", O_RDWR);
    struct flock lock{};
    lock.l_type = F_WRLCK;
    ASSERT_OK(flock(file, LOCK_EX | LOCK_NB));
    ASSERT_OK(fcntl(file, F_SETLK, &lock));
    locked.notify();
    end.wait();
  });
  ASSERT_TRUE(locked.wait());
  const Descriptor file = open_file("file", O_RDWR);
  EXPECT_OK(flock(file, LOCK_EX | LOCK_NB));
  struct flock lock{};
  lock.l_type = F_WRLCK;
  EXPECT_OK(fcntl(file, F_GETLK, &lock));
  EXPECT_EQ(lock.l_type, F_UNLCK);
  end.notify();
  EXPECT_TRUE(reap(inside).exited(0));
}

TEST_F(ContainerEscape, ProgramsOfOutsideCanBeWrittenInsideOnly) {
  Box box;
  write_file("program", "#!/bin/sh\nexit 3\n", 0755);
  EXPECT_INSIDE(box, {
    write_file("program", "#!/bin/sh\nexit 7\n");
    const Ending ending = run([&]() -> int {
      execl(path("program").c_str(), "program", nullptr);
      return 9;
    });
    EXPECT_TRUE(ending.exited(7)) << ending;
  });
  const Ending ending = run([&]() -> int {
    execl(path("program").c_str(), "program", nullptr);
    return 9;
  });
  EXPECT_TRUE(ending.exited(3)) << ending;
}

// Settings that a privileged process inside may change are its own.
TEST_F(ContainerEscape, SetUserIdProgramsMadeInside) {
  Box box;
  EXPECT_INSIDE(box, {
    ASSERT_OK(chown("file", 0, 0));
    ASSERT_OK(chmod("file", 04755));
  });
  struct stat status;
  ASSERT_OK(stat("file", &status));
  EXPECT_EQ(status.st_mode & 07777, 0644u);
}

}  // namespace
}  // namespace cv6::guest
