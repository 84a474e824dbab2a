#include "shapes.hpp"

#include <sys/syscall.h>

#include <algorithm>
#include <iterator>

#include "cv6/container.hpp"

namespace cv6::calls {
namespace {

constexpr std::string_view message_fields = "LyvhGPN";
constexpr std::string_view create_fields = "NNpppp", spawn_fields = "eNpVVpSl", scheduling_fields = "ewttNqqNN";

// clang-format off
constexpr Shape all[] = {
    // Descriptors and data
    {SYS_read, "dbl"}, {SYS_write, "dbl"}, {SYS_open, "pOm"}, {SYS_close, "d"}, {SYS_lseek, "doh"}, {SYS_pread64, "dblo"},
    {SYS_pwrite64, "dblo"}, {SYS_readv, "dvN"}, {SYS_writev, "dvN"}, {SYS_preadv, "dvNoo"}, {SYS_pwritev, "dvNoo"},
    {SYS_preadv2, "dvNooN"}, {SYS_pwritev2, "dvNooN"}, {SYS_pipe, "b"}, {SYS_pipe2, "bO"}, {SYS_dup, "d"}, {SYS_dup2, "dd"},
    {SYS_dup3, "ddO"}, {SYS_fcntl, "dFdS", "NNooi"}, {SYS_fcntl, "dFS", "NNooi"}, {SYS_ioctl, "dIb"}, {SYS_ioctl, "dIS", "wwww"},
    {SYS_ioctl, "dId"}, {SYS_sendfile, "ddbl"}, {SYS_copy_file_range, "dbdblN"}, {SYS_close_range, "ddN"}, {SYS_flock, "dN"},
    {SYS_fsync, "d"}, {SYS_fdatasync, "d"}, {SYS_sync_file_range, "dooN"}, {SYS_fadvise64, "dolN"}, {SYS_readahead, "dol"},
    {SYS_fallocate, "dNoo"}, {SYS_memfd_create, "pN"}, {SYS_poll, "SNN", "dwdwdwdwdw"}, {SYS_ppoll, "SNtb8", "dwdwdwdw"},
    {SYS_select, "Nbbbt"}, {SYS_pselect6, "Nbbbtb"}, {SYS_syncfs, "d"}, {SYS_sync, ""},
    {SYS_epoll_create, "N"}, {SYS_epoll_create1, "N"}, {SYS_epoll_ctl, "dNdS", "www"},
    {SYS_epoll_ctl, "dNdS", "NNN"}, {SYS_epoll_wait, "dbNN"}, {SYS_epoll_pwait, "dbNNb8"}, {SYS_epoll_pwait2, "dbNtb8"},
    {SYS_eventfd, "N"}, {SYS_eventfd2, "NO"}, {SYS_eventfd2, "NN"}, {SYS_timerfd_create, "KO"},
    {SYS_timerfd_create, "KN"}, {SYS_timerfd_settime, "dNSb", "tttt"}, {SYS_timerfd_gettime, "db"},
    {SYS_signalfd, "db8"}, {SYS_signalfd4, "db8O"}, {SYS_signalfd4, "wb8N"},
    // Sockets
    {SYS_socket, "gTN"}, {SYS_socketpair, "gTNb"}, {SYS_socketpair, "gTNb"}, {SYS_bind, "dLy"}, {SYS_listen, "dN"},
    {SYS_accept, "dbb"}, {SYS_accept4, "dbbT"}, {SYS_connect, "dLy"}, {SYS_getsockname, "dbb"}, {SYS_getpeername, "dbb"},
    {SYS_shutdown, "dN"}, {SYS_sendto, "dblBLy"}, {SYS_recvfrom, "dblBbb"}, {SYS_sendmsg, "dSB", message_fields},
    {SYS_sendmsg, "dSB", message_fields}, {SYS_recvmsg, "dSB", message_fields}, {SYS_sendmmsg, "dSNB", message_fields},
    {SYS_recvmmsg, "dSNBt", message_fields}, {SYS_getsockopt, "dNJbb"}, {SYS_setsockopt, "dNJby"},
    // Names
    {SYS_openat, "DpOm"}, {SYS_creat, "pm"}, {SYS_openat2, "DpSz", "OmN"}, {SYS_stat, "pb"}, {SYS_fstat, "db"}, {SYS_lstat, "pb"},
    {SYS_newfstatat, "DpbA"}, {SYS_statx, "DpAxb"}, {SYS_access, "pN"}, {SYS_faccessat, "DpN"}, {SYS_faccessat2, "DpNA"},
    {SYS_rename, "pp"}, {SYS_renameat, "DpDp"}, {SYS_renameat2, "DpDpN"}, {SYS_mkdir, "pm"}, {SYS_mkdirat, "Dpm"}, {SYS_rmdir, "p"},
    {SYS_link, "pp"}, {SYS_linkat, "DpDpA"}, {SYS_unlink, "p"}, {SYS_unlinkat, "DpA"}, {SYS_symlink, "pp"}, {SYS_symlinkat, "pDp"},
    {SYS_readlink, "pbl"}, {SYS_readlinkat, "Dpbl"}, {SYS_chdir, "p"}, {SYS_fchdir, "d"}, {SYS_chroot, "p"}, {SYS_getcwd, "bl"},
    {SYS_getdents, "dbl"}, {SYS_getdents64, "dbl"}, {SYS_truncate, "po"}, {SYS_ftruncate, "do"}, {SYS_mknod, "pmN"},
    {SYS_mknodat, "DpmN"}, {SYS_chmod, "pm"}, {SYS_fchmod, "dm"}, {SYS_fchmodat, "Dpm"}, {452, "DpmA"}, {SYS_chown, "puu"},
    {SYS_lchown, "puu"}, {SYS_fchown, "duu"}, {SYS_fchownat, "DpuuA"}, {SYS_umask, "m"}, {SYS_utime, "pt"}, {SYS_utimes, "pt"},
    {SYS_futimesat, "Dpt"}, {SYS_utimensat, "DptA"}, {SYS_statfs, "pb"}, {SYS_fstatfs, "db"}, {SYS_setxattr, "ppblN"},
    {SYS_lsetxattr, "ppblN"}, {SYS_fsetxattr, "dpblN"}, {SYS_getxattr, "ppbl"}, {SYS_fgetxattr, "dpbl"}, {SYS_listxattr, "pbl"},
    {SYS_flistxattr, "dbl"}, {SYS_removexattr, "pp"}, {SYS_mount, "ppfNp"}, {SYS_umount2, "pN"},
    // Memory
    {SYS_mmap, "anRMdo"}, {SYS_munmap, "an"}, {SYS_mprotect, "anR"}, {SYS_mremap, "annNa"}, {SYS_madvise, "anw"},
    {SYS_msync, "anN"}, {SYS_mincore, "anb"}, {SYS_brk, "a"}, {SYS_mlock, "an"}, {SYS_mlock2, "anN"}, {SYS_munlock, "an"},
    {SYS_mlockall, "N"}, {SYS_munlockall, ""}, {SYS_membarrier, "wNN"},
    // Processes and threads
    {SYS_fork, ""}, {SYS_fork, ""}, {SYS_vfork, ""}, {SYS_clone, "Cabba"}, {SYS_clone, "Cnbba"}, {SYS_clone3, "Sz", "CbbbNanab"},
    {SYS_execve, "pVV"}, {SYS_execveat, "DpVVA"}, {SYS_exit, "N"}, {SYS_exit_group, "N"}, {SYS_wait4, "ibWb"},
    {SYS_waitid, "NibWb"}, {SYS_getpid, ""}, {SYS_gettid, ""}, {SYS_getppid, ""}, {SYS_setpgid, "ii"}, {SYS_getpgid, "i"},
    {SYS_setsid, ""}, {SYS_getsid, "i"}, {SYS_set_tid_address, "b"}, {SYS_set_robust_list, "Sz", "bob"}, {SYS_get_robust_list, "ibb"},
    {SYS_futex, "bXwtbw"}, {SYS_futex, "bXwwbw"}, {SYS_sched_yield, ""}, {SYS_sched_setaffinity, "ilb"}, {SYS_sched_getaffinity, "ilb"},
    {SYS_sched_setscheduler, "iNb"}, {SYS_sched_setparam, "ib"}, {SYS_sched_getparam, "ib"}, {SYS_sched_getscheduler, "i"},
    {SYS_sched_rr_get_interval, "ib"}, {SYS_getpriority, "Ni"}, {SYS_setpriority, "Niw"}, {SYS_prctl, "wNbbb"},
    {SYS_arch_prctl, "wb"}, {SYS_personality, "x"}, {SYS_getcpu, "bbb"},
    // Signals and time
    {SYS_kill, "is"}, {SYS_tkill, "is"}, {SYS_tgkill, "iis"}, {SYS_rt_sigaction, "sSb8", "HqHq"}, {SYS_rt_sigprocmask, "Nbb8"},
    {SYS_rt_sigpending, "b8"}, {SYS_rt_sigtimedwait, "bbt8"}, {SYS_rt_sigsuspend, "b8"}, {SYS_rt_sigqueueinfo, "isS", "sNwwii"},
    {SYS_rt_tgsigqueueinfo, "iisS", "sNwwii"}, {SYS_sigaltstack, "Sb", "bNNl"}, {SYS_rt_sigreturn, ""}, {SYS_pause, ""},
    {SYS_nanosleep, "tb"}, {SYS_clock_nanosleep, "KNtb"}, {SYS_clock_gettime, "Kb"}, {SYS_clock_getres, "Kb"},
    {SYS_clock_settime, "Kt"}, {SYS_settimeofday, "tb"}, {SYS_gettimeofday, "bb"}, {SYS_time, "b"}, {SYS_times, "b"},
    {SYS_getitimer, "Nb"}, {SYS_setitimer, "NSb", "NtN"}, {SYS_alarm, "N"}, {SYS_timer_create, "KSb", "bsNib"},
    {SYS_timer_settime, "NNSb", "tttt"}, {SYS_timer_gettime, "Nb"}, {SYS_timer_getoverrun, "N"}, {SYS_timer_delete, "N"},
    {SYS_restart_syscall, ""},
    // Rights, limits, the machine
    {SYS_setuid, "u"}, {SYS_setgid, "u"}, {SYS_setreuid, "uu"}, {SYS_setregid, "uu"}, {SYS_setresuid, "uuu"}, {SYS_setresgid, "uuu"},
    {SYS_getresuid, "bbb"}, {SYS_getresgid, "bbb"}, {SYS_setfsuid, "u"}, {SYS_setfsgid, "u"}, {SYS_getgroups, "Nb"},
    {SYS_setgroups, "Nb"}, {SYS_capget, "bb"}, {SYS_capset, "SS", "wNxxxx"}, {SYS_getrlimit, "rb"}, {SYS_setrlimit, "rS", "ll"},
    {SYS_prlimit64, "irSb", "ll"}, {SYS_getrusage, "wb"}, {SYS_sysinfo, "b"}, {SYS_uname, "b"}, {SYS_sethostname, "pN"},
    {SYS_setdomainname, "pN"}, {SYS_syslog, "Nbl"}, {SYS_getrandom, "blN"}, {SYS_reboot, "xxw"},
    // Containers
    {call::create_container, "Sz", create_fields}, {call::create_container, "Sz", create_fields}, {call::destroy_container, "e"},
    {call::join_container, "e"}, {call::leave_container, ""}, {call::spawn_container, "Sz", spawn_fields},
    {call::spawn_container, "Sz", spawn_fields}, {call::stat_container, "Sz", "eNNNNN"}, {call::cid, ""},
    {call::container_limit, "Sz", "eNNNl"}, {call::open_container_console, "Sz", "ewdN"}, {call::wait_container, "e"},
    {call::rename_container, "ep"}, {call::container_annotation, "Sz", "eNbl"}, {call::container_descriptor, "Sz", "eid"},
    {call::container_policy, "Sz", "eNxxxx"}, {call::container_log, "Sz", "eNNN"}, {call::open_container_log, "Sz", "eN"},
    {call::container_call_counts, "Sz", "eNbl"}, {call::open_container_supervisor, "Sz", "eN"},
    {call::container_scheduling, "Sz", scheduling_fields}, {call::container_process, "Sz", "eii"},
    {call::container_decisions, "ebN"}, {call::walk_memory, "Sz", "eiaNNaa"}, {call::memory_table, "Sz", "eNiNabl"},
    {call::memory_log_on, "e"}, {call::memory_log_off, "e"}, {call::memory_gva, "wa"},
    {call::mount_in_container, "Sz", "eNpp"}, {call::view_container, "e"}, {call::open_container_changes, "e"},
};

// The last ones: calls of containers that end or move the caller, and what it stands on.
constexpr long endings[] = {
    SYS_exit, SYS_exit_group, SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigreturn, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
    SYS_execve, SYS_execveat, SYS_pause, SYS_rt_sigsuspend, SYS_setrlimit, SYS_prlimit64, SYS_reboot, SYS_arch_prctl,
    SYS_setuid, SYS_setresuid, SYS_setreuid, SYS_setfsuid, SYS_chroot, SYS_close_range, SYS_clone, SYS_alarm, SYS_setitimer,
    SYS_umount2, SYS_capset, call::leave_container, call::destroy_container,
};
// clang-format on

bool is_ending(long number) { return std::ranges::find(endings, number) != std::end(endings); }

}  // namespace

Shape choose(Random& random) {
  if (random.one_in(40)) return {static_cast<long>(random.one_in(2) ? random.below(1100) : random.next()), "xbdaxx"};
  for (;;) {
    const Shape& shape = random.of(all);
    if (!is_ending(shape.number) || random.one_in(12)) return shape;
  }
}

}  // namespace cv6::calls
