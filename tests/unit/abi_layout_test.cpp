// Our layouts and numbers against those of the C library and of the Linux headers of the developer's machine.
#include <linux/fs.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <ucontext.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <utility>

#include <gtest/gtest.h>

#include "abi/linux/errno.hpp"
#include "abi/linux/open_flags.hpp"
#include "abi/linux/types_files.hpp"
#include "abi/linux/types_sockets.hpp"
#include "abi/linux/types_system.hpp"
#include "abi/linux/types_time.hpp"

namespace cv6 {
namespace {

namespace ours = linux_abi;

#define EXPECT_SAME_MEMBER(our_type, our_member, their_type, their_member)                            \
  EXPECT_EQ(offsetof(our_type, our_member), offsetof(their_type, their_member)) << #their_member;     \
  EXPECT_EQ(sizeof(our_type::our_member), sizeof(their_type::their_member)) << #their_member

TEST(LayoutTest, FileStatus) {
  EXPECT_EQ(sizeof(ours::Stat), sizeof(struct stat));
  using their_stat = struct stat;
  EXPECT_SAME_MEMBER(ours::Stat, st_ino, their_stat, st_ino);
  EXPECT_SAME_MEMBER(ours::Stat, st_nlink, their_stat, st_nlink);
  EXPECT_SAME_MEMBER(ours::Stat, st_mode, their_stat, st_mode);
  EXPECT_SAME_MEMBER(ours::Stat, st_rdev, their_stat, st_rdev);
  EXPECT_SAME_MEMBER(ours::Stat, st_size, their_stat, st_size);
  EXPECT_SAME_MEMBER(ours::Stat, st_blocks, their_stat, st_blocks);
  EXPECT_EQ(offsetof(ours::Stat, modify_nanoseconds), offsetof(their_stat, st_mtim) + 8);
}

TEST(LayoutTest, FileSystemStatus) {
  using their_statfs = struct statfs;
  EXPECT_EQ(sizeof(ours::Statfs), sizeof(their_statfs));
  EXPECT_SAME_MEMBER(ours::Statfs, f_fsid, their_statfs, f_fsid);
  EXPECT_SAME_MEMBER(ours::Statfs, f_namelen, their_statfs, f_namelen);
  EXPECT_SAME_MEMBER(ours::Statfs, f_flags, their_statfs, f_flags);
}

TEST(LayoutTest, SmallStructures) {
  EXPECT_EQ(sizeof(ours::Iovec), sizeof(iovec));
  EXPECT_EQ(sizeof(ours::Flock), sizeof(flock));
  EXPECT_EQ(sizeof(ours::FileCloneRange), sizeof(file_clone_range));
  EXPECT_EQ(sizeof(ours::Pollfd), sizeof(pollfd));
  EXPECT_EQ(sizeof(ours::SockaddrUn), sizeof(sockaddr_un));
  EXPECT_EQ(sizeof(ours::MessageHeader), sizeof(msghdr));
  EXPECT_SAME_MEMBER(ours::MessageHeader, name_size, msghdr, msg_namelen);
  EXPECT_SAME_MEMBER(ours::MessageHeader, control_size, msghdr, msg_controllen);
  EXPECT_SAME_MEMBER(ours::MessageHeader, flags, msghdr, msg_flags);
  EXPECT_EQ(sizeof(ours::ManyMessageHeader), sizeof(mmsghdr));
  EXPECT_SAME_MEMBER(ours::ManyMessageHeader, size, mmsghdr, msg_len);
  EXPECT_EQ(sizeof(ours::ControlHeader), sizeof(cmsghdr));
  EXPECT_SAME_MEMBER(ours::ControlHeader, type, cmsghdr, cmsg_type);
  EXPECT_EQ(sizeof(ours::SocketCredentials), sizeof(ucred));
  EXPECT_EQ(sizeof(ours::Linger), sizeof(linger));
  EXPECT_EQ(sizeof(ours::Timespec), sizeof(timespec));
  EXPECT_EQ(sizeof(ours::Timeval), sizeof(timeval));
  EXPECT_EQ(sizeof(ours::Itimerval), sizeof(itimerval));
  EXPECT_EQ(sizeof(ours::Itimerspec), sizeof(itimerspec));
  EXPECT_EQ(sizeof(ours::Sigevent), sizeof(sigevent));
  EXPECT_EQ(sizeof(ours::Tms), sizeof(tms));
  EXPECT_EQ(sizeof(ours::Rlimit), sizeof(rlimit));
  EXPECT_EQ(sizeof(ours::Rusage), sizeof(rusage));
  EXPECT_EQ(sizeof(ours::Utsname), sizeof(utsname));
  using their_sysinfo = struct sysinfo;
  EXPECT_EQ(sizeof(ours::Sysinfo), sizeof(their_sysinfo));
  EXPECT_SAME_MEMBER(ours::Sysinfo, procs, their_sysinfo, procs);
  EXPECT_SAME_MEMBER(ours::Sysinfo, mem_unit, their_sysinfo, mem_unit);
}

TEST(LayoutTest, DirectoryEntriesEndWhereTheNameBegins) {
  EXPECT_EQ(ours::Dirent64::name_offset, 19u);
  EXPECT_EQ(ours::Dirent::name_offset, 18u);
}

TEST(ErrnoTest, EveryErrorHasItsNumber) {
  const std::pair<Error, int> pairs[] = {
      {Error::perm, EPERM}, {Error::noent, ENOENT}, {Error::srch, ESRCH}, {Error::intr, EINTR}, {Error::io, EIO},
      {Error::nxio, ENXIO}, {Error::toobig, E2BIG}, {Error::noexec, ENOEXEC}, {Error::badf, EBADF},
      {Error::child, ECHILD}, {Error::again, EAGAIN}, {Error::nomem, ENOMEM}, {Error::acces, EACCES},
      {Error::fault, EFAULT}, {Error::notblk, ENOTBLK}, {Error::busy, EBUSY}, {Error::exist, EEXIST},
      {Error::xdev, EXDEV}, {Error::nodev, ENODEV}, {Error::notdir, ENOTDIR}, {Error::isdir, EISDIR},
      {Error::inval, EINVAL}, {Error::nfile, ENFILE}, {Error::mfile, EMFILE}, {Error::notty, ENOTTY},
      {Error::txtbsy, ETXTBSY}, {Error::fbig, EFBIG}, {Error::nospc, ENOSPC}, {Error::spipe, ESPIPE},
      {Error::rofs, EROFS}, {Error::mlink, EMLINK}, {Error::pipe, EPIPE}, {Error::dom, EDOM}, {Error::range, ERANGE},
      {Error::deadlk, EDEADLK}, {Error::nametoolong, ENAMETOOLONG}, {Error::nolck, ENOLCK}, {Error::nosys, ENOSYS},
      {Error::notempty, ENOTEMPTY}, {Error::loop, ELOOP}, {Error::overflow, EOVERFLOW}, {Error::opnotsupp, EOPNOTSUPP},
      {Error::afnosupport, EAFNOSUPPORT}, {Error::timedout, ETIMEDOUT}, {Error::dquot, EDQUOT}, {Error::nodata, ENODATA},
      {Error::ownerdead, EOWNERDEAD}, {Error::notrecoverable, ENOTRECOVERABLE},
      {Error::libbad, ELIBBAD}, {Error::canceled, ECANCELED},
      {Error::notsock, ENOTSOCK},
      {Error::msgsize, EMSGSIZE}, {Error::prototype, EPROTOTYPE}, {Error::noprotoopt, ENOPROTOOPT},
      {Error::protonosupport, EPROTONOSUPPORT}, {Error::socktnosupport, ESOCKTNOSUPPORT}, {Error::addrinuse, EADDRINUSE},
      {Error::connreset, ECONNRESET}, {Error::isconn, EISCONN}, {Error::notconn, ENOTCONN},
      {Error::toomanyrefs, ETOOMANYREFS}, {Error::connrefused, ECONNREFUSED}, {Error::nobufs, ENOBUFS},
      {Error::pipe_unsignalled, EPIPE}};
  for (const auto& [error, number] : pairs) EXPECT_EQ(ours::errno_of(error), number);
  // All of them: the list above ends where those begin that no program sees.
  EXPECT_EQ(std::size(pairs), static_cast<std::size_t>(Error::restart_if_asked));
}

TEST(OpenFlagsTest, NumbersAreThoseOfLinux) {
  EXPECT_EQ(ours::o_creat, unsigned{O_CREAT});
  EXPECT_EQ(ours::o_excl, unsigned{O_EXCL});
  EXPECT_EQ(ours::o_noctty, unsigned{O_NOCTTY});
  EXPECT_EQ(ours::o_trunc, unsigned{O_TRUNC});
  EXPECT_EQ(ours::o_append, unsigned{O_APPEND});
  EXPECT_EQ(ours::o_nonblock, unsigned{O_NONBLOCK});
  EXPECT_EQ(ours::o_dsync, unsigned{O_DSYNC});
  EXPECT_EQ(ours::o_sync, unsigned{O_SYNC});
  EXPECT_EQ(ours::o_directory, unsigned{O_DIRECTORY});
  EXPECT_EQ(ours::o_nofollow, unsigned{O_NOFOLLOW});
  EXPECT_EQ(ours::o_cloexec, unsigned{O_CLOEXEC});
  EXPECT_EQ(ours::o_path, unsigned{O_PATH});
  EXPECT_EQ(ours::o_tmpfile | ours::o_directory, unsigned{O_TMPFILE});
}

TEST(OpenFlagsTest, TranslatedThereAndBack) {
  for (const unsigned bits : {0u, ours::o_rdwr | ours::o_append, ours::o_wronly | ours::o_nonblock,
                              ours::o_rdwr | ours::o_sync, ours::o_path | ours::o_nofollow}) {
    const auto flags = ours::open_flags_from_linux(bits);
    ASSERT_TRUE(flags);
    EXPECT_EQ(ours::open_flags_to_linux(*flags), bits | ours::o_largefile) << bits;
  }
  // What only matters while opening is not kept.
  EXPECT_EQ(ours::open_flags_to_linux(*ours::open_flags_from_linux(ours::o_wronly | ours::o_creat | ours::o_excl |
                                                                  ours::o_trunc | ours::o_noctty)) & ~ours::o_largefile,
            ours::o_wronly);
}

TEST(OpenFlagsTest, AccessModes) {
  const auto access = [](unsigned bits) { return *ours::open_flags_from_linux(bits) & (open_flag::read | open_flag::write); };
  EXPECT_EQ(access(0), open_flag::read);
  EXPECT_EQ(access(ours::o_wronly), open_flag::write);
  EXPECT_EQ(access(ours::o_rdwr), open_flag::read | open_flag::write);
  EXPECT_EQ(access(3), 0u);
  EXPECT_EQ(access(ours::o_path | ours::o_rdwr), 0u);
}

TEST(OpenFlagsTest, CombinationsThatMakeNoSense) {
  EXPECT_EQ(ours::open_flags_from_linux(ours::o_tmpfile | ours::o_directory).error(), Error::inval);  // not for writing
  EXPECT_EQ(ours::open_flags_from_linux(ours::o_tmpfile | ours::o_rdwr).error(), Error::inval);       // no O_DIRECTORY
  EXPECT_EQ(ours::open_flags_from_linux(ours::o_creat | ours::o_directory).error(), Error::inval);
}

}  // namespace
}  // namespace cv6
