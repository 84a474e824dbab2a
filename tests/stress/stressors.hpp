// The stressors of stress-ng 0.15, and what becomes of them in cv6.
#pragma once

namespace cv6::guest {

// Those that do their work.
constexpr const char* working[] = {
    "access", "af-alg", "affinity", "aio", "alarm", "atomic", "bad-altstack", "bigheap", "branch", "brk", "bsearch", "cache",
    "cacheline", "cap", "chattr", "chdir", "chmod", "chown", "chroot", "clock", "clone", "close", "context", "copy-file",
    "cpu", "crypt", "cyclic", "daemon", "dekker", "dentry", "dev", "dev-shm", "dir", "dirdeep", "dirmany", "dup", "dynlib",
    "enosys", "env", "epoll", "eventfd", "exit-group", "fallocate", "far-branch", "fault", "fcntl", "fiemap", "fifo",
    "file-ioctl", "filename", "flock", "flushcache", "fork", "forkheavy", "fp", "fp-error", "fpunch", "fsize", "fstat",
    "full", "funccall", "funcret", "futex", "get", "getdent", "getrandom", "goto", "hash", "hdd", "heapsort", "hrtimers",
    "hsearch", "icache", "inode-flags", "io", "itimer", "jpeg", "judy", "kcmp", "kill", "lease", "link", "list", "loadavg",
    "locka", "lockbus", "lockf", "lockofd", "longjmp", "lsearch", "madvise", "malloc", "matrix", "matrix-3d", "mcontend",
    "membarrier", "memcpy", "memfd", "memrate", "memthrash", "mergesort", "mincore", "misaligned", "mknod", "mlock",
    "mlockmany", "mmap", "mmapaddr", "mmapfixed", "mmapfork", "mmaphuge", "mmapmany", "mprotect", "mremap", "msync",
    "msyncmany", "munmap", "mutex", "nanosleep", "nice", "nop", "null", "oom-pipe", "opcode", "open", "pagemove", "pageswap",
    "personality", "peterson", "pipe", "pipeherd", "pkey", "poll", "prctl", "prefetch", "priv-instr", "procfs", "pthread",
    "pty", "qsort", "race-sched", "radixsort", "randlist", "ramfs", "readahead", "reboot", "regs", "rename", "resched",
    "resources", "revio", "ring-pipe", "rlimit", "rmap", "rotate", "schedpolicy", "seek", "sem", "sendfile", "session",
    "set", "shellsort", "shm", "shm-sysv", "sigabrt", "sigchld", "sigfd", "sigfpe", "sigio", "signal", "signest",
    "sigpending", "sigpipe", "sigq", "sigrt", "sigsegv", "sigsuspend", "sigtrap", "skiplist", "sleep", "sockfd", "sockpair",
    "sparsematrix", "stack", "stackmmap", "str", "stream", "switch", "symlink", "sync-file", "syncload", "sysbadaddr",
    "syscall", "sysinfo", "timer", "timerfd", "tlb-shootdown", "tmpfs", "touch", "tree", "tsearch", "umount", "urandom",
    "utime", "vdso", "vecfp", "vecmath", "vecshuf", "vecwide", "vfork", "vforkmany", "vm", "vm-addr", "wait", "waitcpu",
    "wcs", "x86cpuid", "yield", "zero", "zlib", "zombie",
};

// Those that will not work as root.
constexpr const char* working_as_nobody[] = {"bad-ioctl", "exec", "spawn"};

// Those that say that they cannot, or have too little left to do, for want of something that cv6 does not have.
struct Refused {
  const char* name;
  const char* lacks;
};
constexpr Refused refused[] = {
    {"dccp", "a network"}, {"icmp-flood", "a network"}, {"netdev", "a network"}, {"netlink-proc", "a network"},
    {"netlink-task", "a network"}, {"ping-sock", "a network"}, {"rawpkt", "a network"}, {"rawsock", "a network"},
    {"rawudp", "a network"}, {"sctp", "a network"}, {"sock", "a network"}, {"sockabuse", "a network"},
    {"sockdiag", "a network"}, {"sockmany", "a network"}, {"udp", "a network"}, {"udp-flood", "a network"},
    {"dnotify", "file notification"}, {"fanotify", "file notification"}, {"inotify", "file notification"},
    {"aiol", "asynchronous I/O"}, {"io-uring", "asynchronous I/O"},
    {"mq", "message queues"}, {"msg", "message queues"},
    {"sem-sysv", "System V semaphores"},
    {"bind-mount", "namespaces"}, {"unshare", "namespaces"},
    {"ptrace", "ptrace"},
    {"pidfd", "pidfds"},
    {"vm-rw", "the memory of other processes"},
    {"splice", "splice, tee, vmsplice"}, {"tee", "splice, tee, vmsplice"}, {"vm-splice", "splice, tee, vmsplice"},
    {"softlockup", "real-time policies"},
    {"seccomp", "filters of system calls"}, {"usersyscall", "filters of system calls"},
    {"landlock", "security modules"}, {"apparmor", "security modules"},
    {"key", "key rings"},
    {"seal", "sealed files"},
    {"secretmem", "secret memory"},
    {"userfaultfd", "userfaultfd"},
    {"remap", "remap_file_pages"},
    {"rseq", "restartable sequences"},
    {"ioprio", "I/O priorities"},
    {"quota", "quotas of users"},
    {"handle", "file handles"},
    {"xattr", "extended attributes"},
    {"verity", "verified files"},
    {"sysinval", "giving up capabilities"},
    {"cpu-online", "what is in /sys"}, {"efivar", "what is in /sys"}, {"idle-page", "what is in /sys"},
    {"l1cache", "what is in /sys"}, {"llc-affinity", "what is in /sys"}, {"memhotplug", "what is in /sys"},
    {"numa", "what is in /sys"}, {"pci", "what is in /sys"}, {"sysfs", "what is in /sys"}, {"uprobe", "what is in /sys"},
    {"binderfs", "a device"}, {"gpu", "a device"}, {"ioport", "a device"}, {"kvm", "a device"}, {"loop", "a device"},
    {"rawdev", "a device"}, {"rtc", "a device"}, {"smi", "a device"}, {"tun", "a device"}, {"watchdog", "a device"},
    {"physpage", "/proc/self/pagemap"},
    {"swap", "swapping"},
    {"klog", "the kernel's log, which is the host's"},
    {"ipsec-mb", "an Intel processor"}, {"rdrand", "an Intel processor"}, {"tsc", "an Intel processor"},
    {"x86syscall", "an Intel processor"},
    {"plugin", "a plugin"},
};

}  // namespace cv6::guest
