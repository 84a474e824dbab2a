#include "abi/linux/argument_names.hpp"

#include <algorithm>

#include "abi/linux/errno.hpp"
#include "abi/linux/open_flags.hpp"
#include "abi/linux/types_sockets.hpp"

namespace cv6::linux_abi {
namespace {

using abi::ValueName;
constexpr std::uint32_t all = ~0u;

constexpr ValueName flag(std::uint32_t bit, std::string_view name) { return {bit, bit, name}; }
constexpr ValueName value(std::uint32_t value, std::string_view name) { return {all, value, name}; }

constexpr ValueName open_names[] = {
    {3, 0, "O_RDONLY"}, {3, 1, "O_WRONLY"}, {3, 2, "O_RDWR"}, flag(o_creat, "O_CREAT"), flag(o_excl, "O_EXCL"),
    flag(o_noctty, "O_NOCTTY"), flag(o_trunc, "O_TRUNC"), flag(o_append, "O_APPEND"), flag(o_nonblock, "O_NONBLOCK"),
    flag(o_sync, "O_SYNC"), flag(o_dsync, "O_DSYNC"), flag(o_async, "O_ASYNC"), flag(o_direct, "O_DIRECT"),
    flag(o_largefile, "O_LARGEFILE"), flag(o_tmpfile | o_directory, "O_TMPFILE"), flag(o_directory, "O_DIRECTORY"),
    flag(o_nofollow, "O_NOFOLLOW"), flag(o_noatime, "O_NOATIME"), flag(o_path, "O_PATH"), flag(02000000, "O_CLOEXEC")};
constexpr ValueName descriptor_names[] = {flag(o_nonblock, "O_NONBLOCK"), flag(o_direct, "O_DIRECT"),
                                          flag(02000000, "O_CLOEXEC")};
constexpr ValueName epoll_names[] = {flag(02000000, "EPOLL_CLOEXEC")};
constexpr ValueName epoll_operation_names[] = {value(1, "EPOLL_CTL_ADD"), value(2, "EPOLL_CTL_DEL"), value(3, "EPOLL_CTL_MOD")};
constexpr ValueName event_names[] = {flag(1, "EFD_SEMAPHORE"), flag(o_nonblock, "EFD_NONBLOCK"), flag(02000000, "EFD_CLOEXEC")};
constexpr ValueName timer_file_names[] = {flag(o_nonblock, "TFD_NONBLOCK"), flag(02000000, "TFD_CLOEXEC")};
constexpr ValueName timer_setting_names[] = {flag(1, "TFD_TIMER_ABSTIME"), flag(2, "TFD_TIMER_CANCEL_ON_SET")};
constexpr ValueName signal_file_names[] = {flag(o_nonblock, "SFD_NONBLOCK"), flag(02000000, "SFD_CLOEXEC")};
constexpr ValueName protection_names[] = {value(0, "PROT_NONE"), flag(1, "PROT_READ"), flag(2, "PROT_WRITE"),
                                          flag(4, "PROT_EXEC"), flag(0x01000000, "PROT_GROWSDOWN")};
constexpr ValueName map_names[] = {
    {15, 1, "MAP_SHARED"}, {15, 2, "MAP_PRIVATE"}, {15, 3, "MAP_SHARED_VALIDATE"}, flag(0x10, "MAP_FIXED"),
    flag(0x20, "MAP_ANONYMOUS"), flag(0x100, "MAP_GROWSDOWN"), flag(0x800, "MAP_DENYWRITE"), flag(0x1000, "MAP_EXECUTABLE"),
    flag(0x4000, "MAP_NORESERVE"), flag(0x8000, "MAP_POPULATE"), flag(0x20000, "MAP_STACK"),
    flag(0x100000, "MAP_FIXED_NOREPLACE")};
constexpr ValueName remap_names[] = {flag(1, "MREMAP_MAYMOVE"), flag(2, "MREMAP_FIXED"), flag(4, "MREMAP_DONTUNMAP")};
constexpr ValueName advice_names[] = {value(0, "MADV_NORMAL"), value(1, "MADV_RANDOM"), value(2, "MADV_SEQUENTIAL"),
                                      value(3, "MADV_WILLNEED"), value(4, "MADV_DONTNEED"), value(8, "MADV_FREE")};
constexpr ValueName seek_names[] = {value(0, "SEEK_SET"), value(1, "SEEK_CUR"), value(2, "SEEK_END"),
                                    value(3, "SEEK_DATA"), value(4, "SEEK_HOLE")};
constexpr ValueName at_names[] = {flag(0x100, "AT_SYMLINK_NOFOLLOW"), flag(0x400, "AT_SYMLINK_FOLLOW"),
                                  flag(0x800, "AT_NO_AUTOMOUNT"), flag(0x1000, "AT_EMPTY_PATH")};
constexpr ValueName access_at_names[] = {flag(0x100, "AT_SYMLINK_NOFOLLOW"), flag(0x200, "AT_EACCESS"),
                                         flag(0x1000, "AT_EMPTY_PATH")};
constexpr ValueName unlink_names[] = {flag(0x200, "AT_REMOVEDIR")};
constexpr ValueName rename_names[] = {flag(1, "RENAME_NOREPLACE"), flag(2, "RENAME_EXCHANGE")};
constexpr ValueName access_names[] = {value(0, "F_OK"), flag(4, "R_OK"), flag(2, "W_OK"), flag(1, "X_OK")};
constexpr ValueName wait_names[] = {flag(1, "WNOHANG"), flag(2, "WUNTRACED"), flag(8, "WCONTINUED")};
constexpr ValueName clone_names[] = {
    flag(0x100, "CLONE_VM"), flag(0x200, "CLONE_FS"), flag(0x400, "CLONE_FILES"), flag(0x800, "CLONE_SIGHAND"),
    flag(0x4000, "CLONE_VFORK"), flag(0x8000, "CLONE_PARENT"), flag(0x10000, "CLONE_THREAD"), flag(0x40000, "CLONE_SYSVSEM"),
    flag(0x80000, "CLONE_SETTLS"), flag(0x100000, "CLONE_PARENT_SETTID"), flag(0x200000, "CLONE_CHILD_CLEARTID"),
    flag(0x1000000, "CLONE_CHILD_SETTID"), {0xff, 17, "SIGCHLD"}};
constexpr ValueName fcntl_names[] = {
    value(0, "F_DUPFD"), value(1, "F_GETFD"), value(2, "F_SETFD"), value(3, "F_GETFL"), value(4, "F_SETFL"),
    value(5, "F_GETLK"), value(6, "F_SETLK"), value(7, "F_SETLKW"), value(1030, "F_DUPFD_CLOEXEC")};
constexpr ValueName mask_names[] = {value(0, "SIG_BLOCK"), value(1, "SIG_UNBLOCK"), value(2, "SIG_SETMASK")};
constexpr ValueName clock_names[] = {
    value(0, "CLOCK_REALTIME"), value(1, "CLOCK_MONOTONIC"), value(2, "CLOCK_PROCESS_CPUTIME_ID"),
    value(3, "CLOCK_THREAD_CPUTIME_ID"), value(4, "CLOCK_MONOTONIC_RAW"), value(7, "CLOCK_BOOTTIME")};
constexpr ValueName timer_names[] = {flag(1, "TIMER_ABSTIME")};
constexpr ValueName futex_names[] = {
    {127, 0, "FUTEX_WAIT"}, {127, 1, "FUTEX_WAKE"}, {127, 3, "FUTEX_REQUEUE"}, {127, 4, "FUTEX_CMP_REQUEUE"},
    {127, 5, "FUTEX_WAKE_OP"}, {127, 9, "FUTEX_WAIT_BITSET"}, {127, 10, "FUTEX_WAKE_BITSET"},
    flag(128, "FUTEX_PRIVATE_FLAG"), flag(256, "FUTEX_CLOCK_REALTIME")};
constexpr ValueName thread_pointer_names[] = {value(0x1001, "ARCH_SET_GS"), value(0x1002, "ARCH_SET_FS"),
                                              value(0x1003, "ARCH_GET_FS"), value(0x1004, "ARCH_GET_GS")};
constexpr ValueName terminal_names[] = {
    value(0x5401, "TCGETS"), value(0x5402, "TCSETS"), value(0x5403, "TCSETSW"), value(0x5404, "TCSETSF"),
    value(0x540f, "TIOCGPGRP"), value(0x5410, "TIOCSPGRP"), value(0x5413, "TIOCGWINSZ"), value(0x5414, "TIOCSWINSZ"),
    value(0x541b, "FIONREAD"), value(0x5421, "FIONBIO")};
constexpr ValueName limit_names[] = {
    value(0, "RLIMIT_CPU"), value(1, "RLIMIT_FSIZE"), value(2, "RLIMIT_DATA"), value(3, "RLIMIT_STACK"),
    value(4, "RLIMIT_CORE"), value(6, "RLIMIT_NPROC"), value(7, "RLIMIT_NOFILE"), value(9, "RLIMIT_AS")};

constexpr ValueName family_names[] = {value(0, "AF_UNSPEC"), value(1, "AF_UNIX"), value(2, "AF_INET"), value(10, "AF_INET6"),
                                      value(16, "AF_NETLINK"), value(17, "AF_PACKET")};
constexpr ValueName socket_type_names[] = {
    {sock_type_mask, 1, "SOCK_STREAM"}, {sock_type_mask, 2, "SOCK_DGRAM"}, {sock_type_mask, 3, "SOCK_RAW"},
    {sock_type_mask, 5, "SOCK_SEQPACKET"}, flag(sock_nonblock, "SOCK_NONBLOCK"), flag(sock_cloexec, "SOCK_CLOEXEC")};
constexpr ValueName message_names[] = {
    flag(msg_oob, "MSG_OOB"), flag(msg_peek, "MSG_PEEK"), flag(msg_trunc, "MSG_TRUNC"), flag(msg_dontwait, "MSG_DONTWAIT"),
    flag(msg_waitall, "MSG_WAITALL"), flag(msg_nosignal, "MSG_NOSIGNAL"), flag(msg_waitforone, "MSG_WAITFORONE"),
    flag(msg_cmsg_cloexec, "MSG_CMSG_CLOEXEC")};
constexpr ValueName shutdown_names[] = {value(0, "SHUT_RD"), value(1, "SHUT_WR"), value(2, "SHUT_RDWR")};
constexpr ValueName level_names[] = {value(sol_socket, "SOL_SOCKET")};
constexpr ValueName option_names[] = {
    value(so_reuseaddr, "SO_REUSEADDR"), value(so_type, "SO_TYPE"), value(so_error, "SO_ERROR"), value(so_sndbuf, "SO_SNDBUF"),
    value(so_rcvbuf, "SO_RCVBUF"), value(so_keepalive, "SO_KEEPALIVE"), value(so_linger, "SO_LINGER"),
    value(so_passcred, "SO_PASSCRED"), value(so_peercred, "SO_PEERCRED"), value(so_rcvtimeo, "SO_RCVTIMEO"),
    value(so_sndtimeo, "SO_SNDTIMEO"), value(so_acceptconn, "SO_ACCEPTCONN"), value(so_sndbufforce, "SO_SNDBUFFORCE"),
    value(so_rcvbufforce, "SO_RCVBUFFORCE"), value(so_protocol, "SO_PROTOCOL"), value(so_domain, "SO_DOMAIN"),
    value(so_peek_off, "SO_PEEK_OFF"), value(so_peergroups, "SO_PEERGROUPS")};

constexpr std::span<const ValueName> address;

constexpr abi::ArgumentNames names[] = {
    {"mmap", 0, address},             {"munmap", 0, address},           {"mprotect", 0, address},
    {"mremap", 0, address},           {"mremap", 4, address},           {"madvise", 0, address},
    {"msync", 0, address},            {"brk", 0, address},              {"arch_prctl", 1, address},
    {"clone", 1, address},            {"clone", 4, address},
    {"open", 1, open_names},          {"openat", 2, open_names},        {"pipe2", 1, descriptor_names},
    {"dup3", 2, descriptor_names},    {"mmap", 2, protection_names},    {"mmap", 3, map_names},
    {"mprotect", 2, protection_names},{"mremap", 3, remap_names},       {"madvise", 2, advice_names},
    {"lseek", 2, seek_names},         {"newfstatat", 3, at_names},      {"statx", 2, at_names},
    {"linkat", 4, at_names},          {"utimensat", 3, at_names},       {"fchownat", 4, at_names},
    {"execveat", 4, at_names},        {"unlinkat", 2, unlink_names},    {"renameat2", 4, rename_names},
    {"access", 1, access_names},      {"faccessat", 2, access_names},   {"faccessat2", 2, access_names},
    {"faccessat2", 3, access_at_names},{"wait4", 2, wait_names},        {"clone", 0, clone_names},
    {"fcntl", 1, fcntl_names},        {"rt_sigprocmask", 0, mask_names},{"clock_gettime", 0, clock_names},
    {"clock_getres", 0, clock_names}, {"clock_nanosleep", 0, clock_names}, {"clock_nanosleep", 1, timer_names},
    {"futex", 1, futex_names},        {"arch_prctl", 0, thread_pointer_names}, {"ioctl", 1, terminal_names},
    {"socket", 0, family_names},      {"socket", 1, socket_type_names}, {"socketpair", 0, family_names},
    {"socketpair", 1, socket_type_names}, {"accept4", 3, socket_type_names}, {"shutdown", 1, shutdown_names},
    {"sendto", 3, message_names},     {"recvfrom", 3, message_names},   {"sendmsg", 2, message_names},
    {"recvmsg", 2, message_names},    {"sendmmsg", 3, message_names},   {"recvmmsg", 3, message_names},
    {"getsockopt", 1, level_names},   {"getsockopt", 2, option_names},  {"setsockopt", 1, level_names},
    {"setsockopt", 2, option_names},
    {"prlimit64", 1, limit_names},    {"getrlimit", 0, limit_names},    {"setrlimit", 0, limit_names},
    {"epoll_create1", 0, epoll_names},{"epoll_ctl", 1, epoll_operation_names}, {"eventfd2", 1, event_names},
    {"timerfd_create", 0, clock_names},{"timerfd_create", 1, timer_file_names},
    {"timerfd_settime", 1, timer_setting_names}, {"signalfd4", 3, signal_file_names}};

}  // namespace

std::span<const abi::ArgumentNames> argument_names() { return names; }

bool open_makes_file(std::uint64_t flags) { return flags & (o_creat | o_tmpfile); }

void print_error_name(Output& out, int number) {
  constexpr std::string_view error_names[] = {
      "PERM", "NOENT", "SRCH", "INTR", "IO", "NXIO", "2BIG", "NOEXEC", "BADF", "CHILD", "AGAIN", "NOMEM", "ACCES", "FAULT",
      "NOTBLK", "BUSY", "EXIST", "XDEV", "NODEV", "NOTDIR", "ISDIR", "INVAL", "NFILE", "MFILE", "NOTTY", "TXTBSY", "FBIG",
      "NOSPC", "SPIPE", "ROFS", "MLINK", "PIPE", "DOM", "RANGE", "DEADLK", "NAMETOOLONG", "NOLCK", "NOSYS", "NOTEMPTY", "LOOP",
      "OVERFLOW", "OPNOTSUPP", "AFNOSUPPORT", "TIMEDOUT", "DQUOT", "NODATA", "OWNERDEAD", "NOTRECOVERABLE", "LIBBAD",
      "CANCELED",
      "NOTSOCK", "MSGSIZE", "PROTOTYPE", "NOPROTOOPT", "PROTONOSUPPORT", "SOCKTNOSUPPORT", "ADDRINUSE",
      "CONNRESET", "ISCONN", "NOTCONN", "TOOMANYREFS", "CONNREFUSED", "NOBUFS", "PIPE"};
  static_assert(std::size(error_names) == static_cast<std::size_t>(Error::restart_if_asked));
  for (std::size_t i = 0; i < std::size(error_names); ++i)
    if (errno_of(static_cast<Error>(i)) == number) return print(out, "E{}", error_names[i]);
  print(out, "errno {}", number);
}

bool returns_address(std::string_view call) {
  constexpr std::string_view calls[] = {"mmap", "mremap", "brk"};
  return std::ranges::contains(calls, call);
}

}  // namespace cv6::linux_abi
