// The handlers of the Linux calls, by the file that defines them; each is what its man page (section 2) says. Rows of
// calls.def name them; decode.hpp turns registers into their arguments by these signatures.
#pragma once

#include "abi/container_access.hpp"
#include "abi/container_memory_types.hpp"
#include "abi/container_files_types.hpp"
#include "abi/container_types.hpp"
#include "abi/gate_types.hpp"
#include "abi/decode.hpp"
#include "abi/linux/types_files.hpp"
#include "abi/linux/types_signals.hpp"
#include "abi/linux/types_sockets.hpp"
#include "abi/linux/types_system.hpp"
#include "abi/linux/types_time.hpp"

namespace cv6 {
class File;
}

namespace cv6::linux_abi {

using namespace abi;

// --- calls_read_write.cpp, calls_copy.cpp: data of open files -----------------------------------------------------------
Result<long> sys_read(Context&, Descriptor file, UserBytes to, std::size_t count);
Result<long> sys_write(Context&, Descriptor file, UserBytes from, std::size_t count);
Result<long> sys_pread64(Context&, Descriptor file, UserBytes to, std::size_t count, long offset);
Result<long> sys_pwrite64(Context&, Descriptor file, UserBytes from, std::size_t count, long offset);
Result<long> sys_readv(Context&, Descriptor file, UserPtr<Iovec> vector, long count);
Result<long> sys_writev(Context&, Descriptor file, UserPtr<Iovec> vector, long count);
Result<long> sys_preadv(Context&, Descriptor file, UserPtr<Iovec> vector, long count, unsigned long low, unsigned long high);
Result<long> sys_pwritev(Context&, Descriptor file, UserPtr<Iovec> vector, long count, unsigned long low, unsigned long high);
Result<long> sys_preadv2(Context&, Descriptor file, UserPtr<Iovec> vector, long count, unsigned long low,
                         unsigned long high, Flags flags);
Result<long> sys_pwritev2(Context&, Descriptor file, UserPtr<Iovec> vector, long count, unsigned long low,
                          unsigned long high, Flags flags);
Result<long> sys_lseek(Context&, Descriptor file, long offset, unsigned whence);
Result<long> sys_sendfile(Context&, Descriptor to, Descriptor from, UserPtr<long> offset, std::size_t count);
// The requests FICLONE and FICLONERANGE of ioctl(2).
Result<long> clone_range(Context&, File& to, const FileCloneRange& range);
Result<long> sys_copy_file_range(Context&, Descriptor from, UserPtr<long> from_offset, Descriptor to,
                                 UserPtr<long> to_offset, std::size_t count, Flags flags);

// --- calls_open.cpp, calls_openat2.cpp, calls_descriptors.cpp: open files as numbers ---------------------------------
Result<long> sys_open(Context&, UserString path, Flags flags, FileMode mode);
Result<long> sys_openat(Context&, Descriptor directory, UserString path, Flags flags, FileMode mode);
Result<long> sys_openat2(Context&, Descriptor directory, UserString path, UserPtr<OpenHow> how, std::size_t size);
Result<long> sys_creat(Context&, UserString path, FileMode mode);
Result<long> sys_close(Context&, Descriptor file);
Result<long> sys_close_range(Context&, unsigned first, unsigned last, Flags flags);
Result<long> sys_dup(Context&, Descriptor file);
Result<long> sys_dup2(Context&, Descriptor file, Descriptor as);
Result<long> sys_dup3(Context&, Descriptor file, Descriptor as, Flags flags);
Result<long> sys_fcntl(Context&, Descriptor file, unsigned command, unsigned long argument);
Result<long> sys_flock(Context&, Descriptor file, unsigned operation);
Result<long> sys_ioctl(Context&, Descriptor file, unsigned request, unsigned long argument);
Result<long> sys_pipe(Context&, UserPtr<int> ends);
Result<long> sys_pipe2(Context&, UserPtr<int> ends, Flags flags);
// Two descriptors, whose numbers the program gets at `ends`; or none.
Result<long> give_pair(Context&, Ref<File> first, Ref<File> second, CloseOnExec close_on_exec, UserPtr<int> ends);
Result<long> sys_memfd_create(Context&, UserString name, Flags flags);

// --- calls_attributes.cpp: what a file is -------------------------------------------------------------------------------
Result<long> sys_stat(Context&, UserString path, UserPtr<Stat> result);
Result<long> sys_lstat(Context&, UserString path, UserPtr<Stat> result);
Result<long> sys_fstat(Context&, Descriptor file, UserPtr<Stat> result);
Result<long> sys_newfstatat(Context&, Descriptor directory, UserString path, UserPtr<Stat> result, Flags flags);
Result<long> sys_statx(Context&, Descriptor directory, UserString path, Flags flags, unsigned mask, UserPtr<Statx> result);
Result<long> sys_access(Context&, UserString path, unsigned mode);
Result<long> sys_faccessat(Context&, Descriptor directory, UserString path, unsigned mode);
Result<long> sys_faccessat2(Context&, Descriptor directory, UserString path, unsigned mode, Flags flags);
Result<long> sys_chmod(Context&, UserString path, FileMode mode);
Result<long> sys_fchmod(Context&, Descriptor file, FileMode mode);
Result<long> sys_fchmodat(Context&, Descriptor directory, UserString path, FileMode mode);
Result<long> sys_fchmodat2(Context&, Descriptor directory, UserString path, FileMode mode, Flags flags);
Result<long> sys_chown(Context&, UserString path, unsigned user, unsigned group);
Result<long> sys_lchown(Context&, UserString path, unsigned user, unsigned group);
Result<long> sys_fchown(Context&, Descriptor file, unsigned user, unsigned group);
Result<long> sys_fchownat(Context&, Descriptor directory, UserString path, unsigned user, unsigned group, Flags flags);
Result<long> sys_utime(Context&, UserString path, UserPtr<Utimbuf> times);
Result<long> sys_utimes(Context&, UserString path, UserPtr<Timeval> times);
Result<long> sys_futimesat(Context&, Descriptor directory, UserString path, UserPtr<Timeval> times);
Result<long> sys_utimensat(Context&, Descriptor directory, UserString path, UserPtr<Timespec> times, Flags flags);
Result<long> sys_truncate(Context&, UserString path, long size);
Result<long> sys_ftruncate(Context&, Descriptor file, long size);
Result<long> sys_fallocate(Context&, Descriptor file, Flags mode, long offset, long length);
Result<long> sys_statfs(Context&, UserString path, UserPtr<Statfs> result);
Result<long> sys_fstatfs(Context&, Descriptor file, UserPtr<Statfs> result);

// --- calls_names.cpp: directories and names -----------------------------------------------------------------------------
Result<long> sys_getdents(Context&, Descriptor directory, UserBytes to, unsigned size);
Result<long> sys_getdents64(Context&, Descriptor directory, UserBytes to, unsigned size);
Result<long> sys_getcwd(Context&, UserPtr<char> to, std::size_t size);
Result<long> sys_chdir(Context&, UserString path);
Result<long> sys_fchdir(Context&, Descriptor directory);
Result<long> sys_chroot(Context&, UserString path);
Result<long> sys_mkdir(Context&, UserString path, FileMode mode);
Result<long> sys_mkdirat(Context&, Descriptor directory, UserString path, FileMode mode);
Result<long> sys_rmdir(Context&, UserString path);
Result<long> sys_unlink(Context&, UserString path);
Result<long> sys_unlinkat(Context&, Descriptor directory, UserString path, Flags flags);
Result<long> sys_rename(Context&, UserString from, UserString to);
Result<long> sys_renameat(Context&, Descriptor from_directory, UserString from, Descriptor to_directory, UserString to);
Result<long> sys_renameat2(Context&, Descriptor from_directory, UserString from, Descriptor to_directory, UserString to,
                           Flags flags);
Result<long> sys_link(Context&, UserString from, UserString to);
Result<long> sys_linkat(Context&, Descriptor from_directory, UserString from, Descriptor to_directory, UserString to,
                        Flags flags);
Result<long> sys_symlink(Context&, UserString target, UserString path);
Result<long> sys_symlinkat(Context&, UserString target, Descriptor directory, UserString path);
Result<long> sys_readlink(Context&, UserString path, UserPtr<char> to, int size);
Result<long> sys_readlinkat(Context&, Descriptor directory, UserString path, UserPtr<char> to, int size);
Result<long> sys_mknod(Context&, UserString path, FileMode mode, unsigned device);
Result<long> sys_mknodat(Context&, Descriptor directory, UserString path, FileMode mode, unsigned device);
Result<long> sys_umask(Context&, FileMode mask);
Result<long> sys_mount(Context&, UserString source, UserString target, UserString type, unsigned long flags,
                       UserString data);
Result<long> sys_umount2(Context&, UserString target, Flags flags);

// --- calls_sync.cpp: to stable storage ----------------------------------------------------------------------------------
Result<long> sys_sync(Context&);
Result<long> sys_syncfs(Context&, Descriptor file);
Result<long> sys_fsync(Context&, Descriptor file);
Result<long> sys_fdatasync(Context&, Descriptor file);
Result<long> sys_sync_file_range(Context&, Descriptor file, long offset, long length, Flags flags);
Result<long> sys_fadvise64(Context&, Descriptor file, long offset, std::size_t length, int advice);
Result<long> sys_readahead(Context&, Descriptor file, long offset, std::size_t count);
// Attributes that no file system here stores.
Result<long> sys_getxattr(Context&, UserString path, UserString name, UserBytes value, std::size_t size);
Result<long> sys_lgetxattr(Context&, UserString path, UserString name, UserBytes value, std::size_t size);
Result<long> sys_fgetxattr(Context&, Descriptor file, UserString name, UserBytes value, std::size_t size);
Result<long> sys_setxattr(Context&, UserString path, UserString name, UserBytes value, std::size_t size, Flags flags);
Result<long> sys_lsetxattr(Context&, UserString path, UserString name, UserBytes value, std::size_t size, Flags flags);
Result<long> sys_fsetxattr(Context&, Descriptor file, UserString name, UserBytes value, std::size_t size, Flags flags);
Result<long> sys_listxattr(Context&, UserString path, UserBytes list, std::size_t size);
Result<long> sys_llistxattr(Context&, UserString path, UserBytes list, std::size_t size);
Result<long> sys_flistxattr(Context&, Descriptor file, UserBytes list, std::size_t size);
Result<long> sys_removexattr(Context&, UserString path, UserString name);
Result<long> sys_lremovexattr(Context&, UserString path, UserString name);
Result<long> sys_fremovexattr(Context&, Descriptor file, UserString name);

// --- calls_poll.cpp: waiting for files ----------------------------------------------------------------------------------
Result<long> sys_poll(Context&, UserPtr<Pollfd> files, unsigned count, int milliseconds);
Result<long> sys_ppoll(Context&, UserPtr<Pollfd> files, unsigned count, UserPtr<Timespec> timeout,
                       UserPtr<std::uint64_t> mask, std::size_t mask_size);
Result<long> sys_select(Context&, int count, UserPtr<std::uint64_t> read, UserPtr<std::uint64_t> write,
                        UserPtr<std::uint64_t> except, UserPtr<Timeval> timeout);
Result<long> sys_pselect6(Context&, int count, UserPtr<std::uint64_t> read, UserPtr<std::uint64_t> write,
                          UserPtr<std::uint64_t> except, UserPtr<Timespec> timeout, UserPtr<std::uint64_t> mask);

// --- calls_epoll.cpp, calls_event_files.cpp: epoll, and files that become ready when something happens -----------------
Result<long> sys_epoll_create(Context&, int size);
Result<long> sys_epoll_create1(Context&, Flags flags);
Result<long> sys_epoll_ctl(Context&, Descriptor epoll, int operation, Descriptor file, UserPtr<EpollEvent> event);
Result<long> sys_epoll_wait(Context&, Descriptor epoll, UserPtr<EpollEvent> events, int most, int milliseconds);
Result<long> sys_epoll_pwait(Context&, Descriptor epoll, UserPtr<EpollEvent> events, int most, int milliseconds,
                             UserPtr<std::uint64_t> mask, std::size_t mask_size);
Result<long> sys_epoll_pwait2(Context&, Descriptor epoll, UserPtr<EpollEvent> events, int most, UserPtr<Timespec> timeout,
                              UserPtr<std::uint64_t> mask, std::size_t mask_size);
Result<long> sys_eventfd(Context&, unsigned value);
Result<long> sys_eventfd2(Context&, unsigned value, Flags flags);
Result<long> sys_timerfd_create(Context&, int clock, Flags flags);
Result<long> sys_timerfd_settime(Context&, Descriptor timer, Flags flags, UserPtr<Itimerspec> value,
                                 UserPtr<Itimerspec> before);
Result<long> sys_timerfd_gettime(Context&, Descriptor timer, UserPtr<Itimerspec> value);
Result<long> sys_signalfd(Context&, Descriptor file, UserPtr<std::uint64_t> mask, std::size_t mask_size);
Result<long> sys_signalfd4(Context&, Descriptor file, UserPtr<std::uint64_t> mask, std::size_t mask_size, Flags flags);

// --- calls_sockets.cpp, calls_socket_messages.cpp, calls_socket_options.cpp ----------------------------------------------
Result<long> sys_socket(Context&, int family, Flags type, int protocol);
Result<long> sys_socketpair(Context&, int family, Flags type, int protocol, UserPtr<int> ends);
Result<long> sys_bind(Context&, Descriptor socket, UserBytes name, int size);
Result<long> sys_listen(Context&, Descriptor socket, int backlog);
Result<long> sys_accept(Context&, Descriptor socket, UserBytes name, UserPtr<int> size);
Result<long> sys_accept4(Context&, Descriptor socket, UserBytes name, UserPtr<int> size, Flags flags);
Result<long> sys_connect(Context&, Descriptor socket, UserBytes name, int size);
Result<long> sys_getsockname(Context&, Descriptor socket, UserBytes name, UserPtr<int> size);
Result<long> sys_getpeername(Context&, Descriptor socket, UserBytes name, UserPtr<int> size);
Result<long> sys_shutdown(Context&, Descriptor socket, int how);
Result<long> sys_sendto(Context&, Descriptor socket, UserBytes from, std::size_t count, Flags flags, UserBytes name, int size);
Result<long> sys_recvfrom(Context&, Descriptor socket, UserBytes to, std::size_t count, Flags flags, UserBytes name,
                          UserPtr<int> size);
Result<long> sys_sendmsg(Context&, Descriptor socket, UserPtr<MessageHeader> message, Flags flags);
Result<long> sys_recvmsg(Context&, Descriptor socket, UserPtr<MessageHeader> message, Flags flags);
Result<long> sys_sendmmsg(Context&, Descriptor socket, UserPtr<ManyMessageHeader> messages, unsigned count, Flags flags);
Result<long> sys_recvmmsg(Context&, Descriptor socket, UserPtr<ManyMessageHeader> messages, unsigned count, Flags flags,
                          UserPtr<Timespec> timeout);
Result<long> sys_getsockopt(Context&, Descriptor socket, int level, int option, UserBytes value, UserPtr<int> size);
Result<long> sys_setsockopt(Context&, Descriptor socket, int level, int option, UserBytes value, int size);

// --- calls_memory.cpp ---------------------------------------------------------------------------------------------------
Result<long> sys_mmap(Context&, unsigned long address, std::size_t length, Flags protection, Flags flags,
                      Descriptor file, unsigned long offset);
Result<long> sys_munmap(Context&, unsigned long address, std::size_t length);
Result<long> sys_mprotect(Context&, unsigned long address, std::size_t length, Flags protection);
Result<long> sys_mremap(Context&, unsigned long old_address, std::size_t old_length, std::size_t new_length, Flags flags,
                        unsigned long new_address);
Result<long> sys_brk(Context&, unsigned long end);
Result<long> sys_madvise(Context&, unsigned long address, std::size_t length, int advice);
Result<long> sys_msync(Context&, unsigned long address, std::size_t length, Flags flags);
Result<long> sys_mincore(Context&, unsigned long address, std::size_t length, UserPtr<std::uint8_t> result);
Result<long> sys_mlock(Context&, unsigned long address, std::size_t length);
Result<long> sys_mlock2(Context&, unsigned long address, std::size_t length, Flags flags);
Result<long> sys_munlock(Context&, unsigned long address, std::size_t length);
Result<long> sys_mlockall(Context&, Flags flags);
Result<long> sys_munlockall(Context&);
Result<long> sys_membarrier(Context&, unsigned command, Flags flags, int cpu);

// --- calls_processes.cpp: fork, exec, exit, wait, groups ----------------------------------------------------------------
Result<long> sys_clone(Context&, unsigned long flags, unsigned long stack, UserPtr<int> parent_tid, UserPtr<int> child_tid,
                       unsigned long tls);
Result<long> sys_clone3(Context&, UserPtr<CloneArgs> arguments, std::size_t size);
Result<long> sys_fork(Context&);
Result<long> sys_vfork(Context&);
Result<long> sys_execve(Context&, UserString path, UserPtr<std::uint64_t> arguments, UserPtr<std::uint64_t> environment);
Result<long> sys_execveat(Context&, Descriptor directory, UserString path, UserPtr<std::uint64_t> arguments,
                          UserPtr<std::uint64_t> environment, Flags flags);
Result<long> sys_exit(Context&, int status);
Result<long> sys_exit_group(Context&, int status);
Result<long> sys_wait4(Context&, int pid, UserPtr<int> status, Flags options, UserPtr<Rusage> usage);
Result<long> sys_waitid(Context&, int kind, int pid, UserPtr<Siginfo> info, Flags options, UserPtr<Rusage> usage);
Result<long> sys_getpid(Context&);
Result<long> sys_getppid(Context&);
Result<long> sys_gettid(Context&);
Result<long> sys_setpgid(Context&, int pid, int group);
Result<long> sys_getpgid(Context&, int pid);
Result<long> sys_getpgrp(Context&);
Result<long> sys_setsid(Context&);
Result<long> sys_getsid(Context&, int pid);
Result<long> sys_personality(Context&, unsigned persona);

// --- calls_credentials.cpp ----------------------------------------------------------------------------------------------
Result<long> sys_getuid(Context&);
Result<long> sys_geteuid(Context&);
Result<long> sys_getgid(Context&);
Result<long> sys_getegid(Context&);
Result<long> sys_setuid(Context&, unsigned user);
Result<long> sys_setgid(Context&, unsigned group);
Result<long> sys_setreuid(Context&, unsigned real, unsigned effective);
Result<long> sys_setregid(Context&, unsigned real, unsigned effective);
Result<long> sys_setresuid(Context&, unsigned real, unsigned effective, unsigned saved);
Result<long> sys_setresgid(Context&, unsigned real, unsigned effective, unsigned saved);
Result<long> sys_getresuid(Context&, UserPtr<unsigned> real, UserPtr<unsigned> effective, UserPtr<unsigned> saved);
Result<long> sys_getresgid(Context&, UserPtr<unsigned> real, UserPtr<unsigned> effective, UserPtr<unsigned> saved);
Result<long> sys_setfsuid(Context&, unsigned user);
Result<long> sys_setfsgid(Context&, unsigned group);
Result<long> sys_getgroups(Context&, int count, UserPtr<unsigned> groups);
Result<long> sys_setgroups(Context&, int count, UserPtr<unsigned> groups);
Result<long> sys_capget(Context&, UserPtr<CapabilityHeader> header, UserPtr<CapabilityData> data);
Result<long> sys_capset(Context&, UserPtr<CapabilityHeader> header, UserPtr<CapabilityData> data);

// --- calls_signals.cpp --------------------------------------------------------------------------------------------------
Result<long> sys_rt_sigaction(Context&, SignalNumber signal, UserPtr<Sigaction> action, UserPtr<Sigaction> before,
                              std::size_t set_size);
Result<long> sys_rt_sigprocmask(Context&, int how, UserPtr<std::uint64_t> set, UserPtr<std::uint64_t> before,
                                std::size_t set_size);
Result<long> sys_rt_sigreturn(Context&);
Result<long> sys_rt_sigpending(Context&, UserPtr<std::uint64_t> set, std::size_t set_size);
Result<long> sys_rt_sigsuspend(Context&, UserPtr<std::uint64_t> mask, std::size_t set_size);
Result<long> sys_rt_sigtimedwait(Context&, UserPtr<std::uint64_t> set, UserPtr<Siginfo> info, UserPtr<Timespec> timeout,
                                 std::size_t set_size);
Result<long> sys_rt_sigqueueinfo(Context&, int pid, SignalNumber signal, UserPtr<Siginfo> info);
Result<long> sys_rt_tgsigqueueinfo(Context&, int pid, int tid, SignalNumber signal, UserPtr<Siginfo> info);
Result<long> sys_sigaltstack(Context&, UserPtr<StackT> stack, UserPtr<StackT> before);
Result<long> sys_kill(Context&, int pid, SignalNumber signal);
Result<long> sys_tkill(Context&, int tid, SignalNumber signal);
Result<long> sys_tgkill(Context&, int pid, int tid, SignalNumber signal);
Result<long> sys_pause(Context&);
Result<long> sys_restart_syscall(Context&);

// --- calls_time.cpp, calls_timers.cpp -----------------------------------------------------------------------------------
Result<long> sys_nanosleep(Context&, UserPtr<Timespec> wanted, UserPtr<Timespec> left);
Result<long> sys_clock_nanosleep(Context&, int clock, Flags flags, UserPtr<Timespec> wanted, UserPtr<Timespec> left);
Result<long> sys_clock_gettime(Context&, int clock, UserPtr<Timespec> now);
Result<long> sys_clock_settime(Context&, int clock, UserPtr<Timespec> now);
Result<long> sys_clock_getres(Context&, int clock, UserPtr<Timespec> resolution);
Result<long> sys_gettimeofday(Context&, UserPtr<Timeval> now, UserPtr<Timezone> zone);
Result<long> sys_settimeofday(Context&, UserPtr<Timeval> now, UserPtr<Timezone> zone);
Result<long> sys_time(Context&, UserPtr<long> now);
Result<long> sys_times(Context&, UserPtr<Tms> result);
Result<long> sys_alarm(Context&, unsigned seconds);
Result<long> sys_getitimer(Context&, int which, UserPtr<Itimerval> value);
Result<long> sys_setitimer(Context&, int which, UserPtr<Itimerval> value, UserPtr<Itimerval> before);
Result<long> sys_timer_create(Context&, int clock, UserPtr<Sigevent> event, UserPtr<int> id);
Result<long> sys_timer_settime(Context&, int id, Flags flags, UserPtr<Itimerspec> value, UserPtr<Itimerspec> before);
Result<long> sys_timer_gettime(Context&, int id, UserPtr<Itimerspec> value);
Result<long> sys_timer_getoverrun(Context&, int id);
Result<long> sys_timer_delete(Context&, int id);

// --- calls_threads.cpp: futexes, what a thread has, scheduling ----------------------------------------------------------
Result<long> sys_futex(Context&, UserPtr<std::uint32_t> word, unsigned operation, unsigned value, unsigned long timeout,
                       UserPtr<std::uint32_t> second_word, unsigned third_value);
Result<long> sys_set_tid_address(Context&, UserPtr<int> address);
Result<long> sys_set_robust_list(Context&, UserPtr<RobustListHead> head, std::size_t size);
Result<long> sys_get_robust_list(Context&, int tid, UserPtr<std::uint64_t> head, UserPtr<std::size_t> size);
Result<long> sys_arch_prctl(Context&, int code, unsigned long address);
Result<long> sys_prctl(Context&, int option, unsigned long second, unsigned long third, unsigned long fourth,
                       unsigned long fifth);
Result<long> sys_sched_yield(Context&);
Result<long> sys_sched_setaffinity(Context&, int tid, unsigned size, UserBytes mask);
Result<long> sys_sched_getaffinity(Context&, int tid, unsigned size, UserBytes mask);
Result<long> sys_sched_setparam(Context&, int tid, UserPtr<SchedParam> parameter);
Result<long> sys_sched_getparam(Context&, int tid, UserPtr<SchedParam> parameter);
Result<long> sys_sched_setscheduler(Context&, int tid, int policy, UserPtr<SchedParam> parameter);
Result<long> sys_sched_getscheduler(Context&, int tid);
Result<long> sys_sched_get_priority_max(Context&, int policy);
Result<long> sys_sched_get_priority_min(Context&, int policy);
Result<long> sys_sched_rr_get_interval(Context&, int tid, UserPtr<Timespec> interval);
Result<long> sys_getpriority(Context&, int kind, int who);
Result<long> sys_setpriority(Context&, int kind, int who, int nice);
Result<long> sys_getcpu(Context&, UserPtr<unsigned> cpu, UserPtr<unsigned> node);

// --- calls_system.cpp: the machine and its limits -----------------------------------------------------------------------
Result<long> sys_uname(Context&, UserPtr<Utsname> result);
Result<long> sys_sethostname(Context&, UserBytes name, int length);
Result<long> sys_setdomainname(Context&, UserBytes name, int length);
Result<long> sys_sysinfo(Context&, UserPtr<Sysinfo> result);
Result<long> sys_getrusage(Context&, int who, UserPtr<Rusage> result);
Result<long> sys_getrlimit(Context&, unsigned resource, UserPtr<Rlimit> result);
Result<long> sys_setrlimit(Context&, unsigned resource, UserPtr<Rlimit> limit);
Result<long> sys_prlimit64(Context&, int pid, unsigned resource, UserPtr<Rlimit> limit, UserPtr<Rlimit> before);
Result<long> sys_getrandom(Context&, UserBytes to, std::size_t count, Flags flags);
Result<long> sys_syslog(Context&, int action, UserBytes buffer, int size);
Result<long> sys_reboot(Context&, unsigned first_magic, unsigned second_magic, unsigned command, unsigned long argument);

// --- calls_container.cpp: our own ---------------------------------------------------------------------------------------
Result<long> sys_create_container(Context&, UserPtr<ContainerCreate> arguments, std::size_t size);
Result<long> sys_spawn_container(Context&, UserPtr<ContainerSpawn> arguments, std::size_t size);
Result<long> sys_stat_container(Context&, UserPtr<ContainerStat> arguments, std::size_t size);
Result<long> sys_cid(Context&);

// --- calls_gate.cpp: our own, about the system-call gate of containers ---------------------------------------------------
Result<long> sys_container_policy(Context&, UserPtr<ContainerPolicy> arguments, std::size_t size);
Result<long> sys_container_log(Context&, UserPtr<ContainerLog> arguments, std::size_t size);
Result<long> sys_open_container_log(Context&, UserPtr<ContainerLogOpen> arguments, std::size_t size);
Result<long> sys_container_call_counts(Context&, UserPtr<ContainerCallCounts> arguments, std::size_t size);
Result<long> sys_open_container_supervisor(Context&, UserPtr<ContainerSupervisor> arguments, std::size_t size);

// --- calls_container_life.cpp -------------------------------------------------------------------------------------------
Result<long> sys_open_container_console(Context&, UserPtr<ContainerConsoleOpen> arguments, std::size_t size);
Result<long> sys_wait_container(Context&, int id);
Result<long> sys_rename_container(Context&, int id, UserString name);
Result<long> sys_container_annotation(Context&, UserPtr<ContainerAnnotation> arguments, std::size_t size);
Result<long> sys_container_descriptor(Context&, UserPtr<ContainerDescriptor> arguments, std::size_t size);

// --- calls_container_limits.cpp -----------------------------------------------------------------------------------------
Result<long> sys_container_limit(Context&, UserPtr<ContainerLimit> limit, std::size_t size);

// --- calls_container_scheduling.cpp -------------------------------------------------------------------------------------
Result<long> sys_container_scheduling(Context&, UserPtr<ContainerScheduling> scheduling, std::size_t size);
Result<long> sys_container_process(Context&, UserPtr<ContainerProcess> process, std::size_t size);
Result<long> sys_container_decisions(Context&, int id, UserPtr<ContainerDecision> to, unsigned count);

// --- calls_container_memory.cpp: our own, about the memory of containers --------------------------------------------------
Result<long> sys_walk_memory(Context&, UserPtr<MemoryWalk> arguments, std::size_t size);
Result<long> sys_memory_table(Context&, UserPtr<MemoryTable> arguments, std::size_t size);
Result<long> sys_memory_log_on(Context&, int id);
Result<long> sys_memory_log_off(Context&, int id);
Result<long> sys_memory_gva(Context&, int size, unsigned long address);

// --- calls_container_files.cpp: our own, about the files of containers ---------------------------------------------------
Result<long> sys_mount_in_container(Context&, UserPtr<ContainerMount> arguments, std::size_t size);
Result<long> sys_view_container(Context&, int id);
Result<long> sys_open_container_changes(Context&, int id);

}  // namespace cv6::linux_abi
