#include "arguments.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <iterator>

namespace cv6::calls {
namespace {

char long_name[4200], long_path[4200];  // of one component; of many
char component[257];

const char* const paths[] = {
    "/", ".", "..", "", "f0", "f1", "f2", "f3", "d0", "d1", "d0/f0", "d0/f1", "d0/d1", "d1/../f1", "d0/d1/f2", "link", "loop",
    "d0/link", "f0/", "f0/.", "none/none", "//tmp", "/tmp/f1", "/tmp/d0", "/proc", "/proc/self/fd/3", "/proc/self/fd", "/proc/1",
    "/proc/self/maps", "/proc/self/status", "/proc/self/exe", "/proc/self/cwd/f0", "/proc/self/root/etc/motd", "/proc/mounts",
    "/proc/1/environ", "/proc/self/task", "/proc/cv6/objects", "/proc/meminfo", "/dev/null", "/dev/zero", "/dev/full", "/dev/tty",
    "/dev/ptmx", "/dev/pts/0", "/dev/pts", "/dev/urandom", "/dev/console", "/dev/kmsg", "/etc/passwd", "/etc/motd", "/etc", "/bin/sh",
    "/bin/busybox", "/bin", "/xv6/echo", "/fuzz-mark/file", "/fuzz-mark", "program", "script", "fifo", "user.name", "tmpfs",
    component, long_name, long_path};

constexpr long wild_values[] = {
    0, -1, 1, 8, 0x7fff'ffff, 0x8000'0000, 0xffff'ffff, 0x7fff'ffff'ffff'ffff, static_cast<long>(0x8000'0000'0000'0000),
    0x0000'7fff'ffff'f000, 0x0000'7fff'ffff'ffff, 0x0000'8000'0000'0000, static_cast<long>(0xffff'8000'0000'0000),
    static_cast<long>(0xffff'ffff'8000'0000), static_cast<long>(0xffff'ffff'ffff'f000), -14, -4096};

constexpr long open_flags[] = {O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NONBLOCK, O_DIRECTORY,
                               O_NOFOLLOW, O_PATH, O_TMPFILE | O_RDWR, O_CLOEXEC, O_SYNC, O_DIRECT, O_NOCTTY};
constexpr long map_flags[] = {MAP_PRIVATE, MAP_SHARED, MAP_FIXED, MAP_ANONYMOUS, MAP_GROWSDOWN, MAP_POPULATE, MAP_NORESERVE,
                              MAP_FIXED_NOREPLACE, MAP_STACK, MAP_SHARED_VALIDATE};
constexpr long clone_flags[] = {SIGCHLD, CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND, CLONE_VFORK, CLONE_PARENT, CLONE_THREAD,
                                CLONE_SETTLS, CLONE_PARENT_SETTID, CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID, CLONE_SYSVSEM,
                                CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, CLONE_NEWNS};
constexpr long at_flags[] = {AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH, AT_REMOVEDIR, AT_NO_AUTOMOUNT};
constexpr long fcntl_calls[] = {F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_DUPFD_CLOEXEC,
                                F_SETPIPE_SZ, F_GETPIPE_SZ, F_OFD_SETLK, F_OFD_GETLK, F_OFD_SETLKW, F_ADD_SEALS, F_SETOWN};
constexpr long ioctls[] = {0x5401, 0x5402, 0x5403, 0x5404, 0x5405, 0x5409, 0x540a, 0x540b, 0x540c, 0x540d, 0x540e, 0x540f, 0x5410,
                           0x5411, 0x5412, 0x5413, 0x5414, 0x541b, 0x5420, 0x5421, 0x5422, 0x5429, 0x5441, 0x5450, 0x5451,
                           0x80045430, 0x40045431, 0x80045438, 0x80045439, 0x40049409, 0x4020940d};
constexpr long socket_types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM | SOCK_NONBLOCK, SOCK_DGRAM | SOCK_NONBLOCK,
                                 SOCK_SEQPACKET | SOCK_CLOEXEC};
constexpr long message_flags[] = {0, MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, MSG_NOSIGNAL, MSG_CMSG_CLOEXEC, MSG_OOB,
                                  MSG_DONTWAIT | MSG_NOSIGNAL, MSG_WAITFORONE};
constexpr long socket_options[] = {1, 2, 3, 4, 7, 8, 9, 16, 17, 18, 20, 21, 30, 32, 33, 38, 39, 42, 59, 66, 67};
constexpr long futex_calls[] = {0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
constexpr std::size_t unit_of_offset[] = {1, 8, 512, page_size, 1 << 20};

bool is_small(char letter) { return std::strchr("deisuwmNDKOry", letter) != nullptr; }  // 4 bytes in a structure

}  // namespace

void Arena::map() {
  std::memset(component, 'c', sizeof component - 1);
  std::memset(long_name, 'n', sizeof long_name - 1);
  for (std::size_t i = 0; i + 1 < sizeof long_path; ++i) long_path[i] = i % 2 ? '/' : '.';
  long_path[4094] = 0;  // with its end just as long as a path may be
  auto* memory = reinterpret_cast<std::byte*>(start);
  const auto put = [&](std::size_t from, std::size_t to, int protection, int flags, int file) {
    mmap(memory + from * page_size, (to - from) * page_size, protection, flags | MAP_FIXED, file, 0);
  };
  put(0, writable, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  put(writable, readable, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  put(readable, forbidden, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  const int file = open("f3", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (ftruncate(file, (shared - forbidden) * page_size) == 0) put(forbidden, shared, PROT_READ | PROT_WRITE, MAP_SHARED, file);
  close(file);
}

std::byte* Scratch::take(std::size_t bytes, Random& random) {
  const std::size_t most = size - bytes;
  if (random.one_in(4)) return memory_ + most;
  return memory_ + (random.one_in(6) ? random.below(most) : random.below(most) & ~std::size_t{15});
}

Arguments::Values Arguments::make(const Shape& shape) {
  Values values{};
  for (std::size_t i = 0; i < 6; ++i) {
    const char letter = i < shape.arguments.size() ? shape.arguments[i] : 'w';
    values.at[i] = random_.one_in(16) ? wild() : one(letter, shape);
  }
  return values;
}

long Arguments::one(char letter, const Shape& shape) {
  switch (letter) {
    case 'S': return random_.one_in(10) ? 0 : structure(shape.fields);
    case 'v': return structure("bcbcbcbc");
    case 't': return random_.one_in(4) ? 0 : structure("NqNq");
    case 'V': return random_.one_in(8) ? address() : names();
    case 'p': return random_.one_in(20) ? address() : name();
    case 'b': return random_.one_in(8) ? 0 : address();
    case 'a': return random_.one_in(8) ? 0 : static_cast<long>(Arena::start + random_.below(Arena::pages) * page_size);
    case 'f': return reinterpret_cast<long>(random_.one_in(2) ? "proc" : random_.one_in(2) ? "tmpfs" : "devtmpfs");
    case 'H': return random_.one_in(2) ? static_cast<long>(random_.below(2)) : address();
    case '8': return 8;
    case 'L': return random_.one_in(8) ? 0 : socket_address();
    case 'G': return random_.one_in(3) ? 0 : control_data();
    default: return letter >= 'A' && letter <= 'Z' && letter != 'N' && letter != 'D' && letter != 'K' ? flags(letter) : number(letter);
  }
}

long Arguments::number(char letter) {
  constexpr long lengths[] = {0, 1, 7, 8, 100, 4095, 4096, 4097, 8192, 65536, 70'000, 1 << 20};
  constexpr long modes[] = {0, 0777, 0644, S_IFREG | 0666, S_IFIFO | 0666, S_IFCHR | 0666, S_IFDIR | 0777, 07777, 0100};
  constexpr long clocks[] = {0, 1, 2, 3, 4, 5, 6, 7, 11, 12, -6, -2};
  switch (letter) {
    case 'd': return random_.one_in(16) ? -1 : static_cast<long>(random_.below(random_.one_in(4) ? 48 : 24));
    case 'D': return random_.one_in(2) ? AT_FDCWD : static_cast<long>(random_.below(24));
    case 'e': return static_cast<long>(random_.below(6)) - 1;
    case 'c': case 'l': return random_.of(lengths);
    case 'n': return static_cast<long>(random_.below(12) * page_size + (random_.one_in(4) ? random_.below(page_size) : 0));
    case 'o': return static_cast<long>(random_.below(20) * random_.of(unit_of_offset) - (random_.one_in(4) ? 1 : 0));
    case 'm': return random_.of(modes);
    case 's': return static_cast<long>(random_.one_in(8) ? random_.below(70) : random_.below(32));
    case 'i':
      if (random_.one_in(3)) return getpid();
      return random_.one_in(30) ? -static_cast<long>(random_.below(10)) : static_cast<long>(random_.below(40));
    case 'u': return random_.one_in(3) ? 1000 : static_cast<long>(random_.below(2)) * -1;
    case 'h': return static_cast<long>(random_.below(6));
    case 'r': return static_cast<long>(random_.below(17));
    case 'K': return random_.of(clocks);
    case 'q': return static_cast<long>(random_.one_in(2) ? random_.below(1'000'000) : random_.next() & random_.next() & random_.next());
    case 'z': return static_cast<long>(random_.one_in(6) ? random_.below(5000) : 8 * random_.below(60));
    case 'g': return random_.one_in(12) ? static_cast<long>(random_.below(50)) : AF_UNIX;
    case 'y': return static_cast<long>(random_.one_in(6) ? random_.below(140) : sizeof(sockaddr_un));
    case 'N': return static_cast<long>(random_.below(random_.one_in(3) ? 18 : 5));
    case 'w': return static_cast<long>(random_.one_in(4) ? random_.next() : random_.below(64));
    default: return wild();
  }
}

long Arguments::flags(char letter) {
  const auto some = [&](const auto& list) {
    long bits = random_.of(list);
    while (random_.one_in(2)) bits |= random_.of(list);
    return random_.one_in(24) ? static_cast<long>(random_.next()) : bits;
  };
  switch (letter) {
    case 'O': return some(open_flags);
    case 'M': return some(map_flags);
    case 'C': return some(clone_flags);
    case 'A': return random_.one_in(2) ? 0 : some(at_flags);
    case 'F': return random_.of(fcntl_calls);
    case 'I': return random_.of(ioctls);
    case 'X': return random_.of(futex_calls) | (random_.one_in(2) ? 128 : 0) | (random_.one_in(8) ? 256 : 0);
    case 'R': return static_cast<long>(random_.below(random_.one_in(10) ? 32 : 8));
    case 'B': return some(message_flags);
    case 'J': return random_.of(socket_options);
    case 'P': return static_cast<long>(random_.one_in(4) ? random_.below(200) : CMSG_SPACE(8));
    case 'T': return some(socket_types);
    case 'W': return static_cast<long>(random_.below(16)) | (random_.one_in(2) ? 1 : 0);
    default: return wild();
  }
}

long Arguments::wild() {
  switch (random_.below(6)) {
    case 0: return static_cast<long>(random_.next());
    case 1: return static_cast<long>(std::uint64_t{1} << random_.below(64)) - static_cast<long>(random_.below(2));
    case 2: return address();
    default: return random_.of(wild_values);
  }
}

long Arguments::address() {
  if (random_.one_in(12)) return random_.of(wild_values);
  if (random_.one_in(16)) return reinterpret_cast<long>(scratch_.take(16, random_));
  const std::uintptr_t page = random_.below(random_.one_in(3) ? Arena::pages + 1 : Arena::writable);
  const std::uintptr_t within = random_.one_in(3) ? page_size - random_.below(64) : random_.below(page_size) & ~7ul;
  return static_cast<long>(Arena::start + page * page_size + within);
}

// At times copied to where a page ends, or without its end.
long Arguments::name() {
  const char* path = random_.of(paths);
  if (!random_.one_in(8)) return reinterpret_cast<long>(path);
  const std::size_t size = std::strlen(path) + (random_.one_in(4) ? 0 : 1);
  std::byte* at = scratch_.take(size, random_);
  std::memcpy(at, path, size);
  return reinterpret_cast<long>(at);
}

// Field by field, again from the first one at the end: what a call reads behind the known ones is filled as well.
long Arguments::structure(std::string_view fields) {
  constexpr std::size_t most = 30;
  std::byte bytes[most * 8 + 8];
  std::size_t size = 0;
  for (std::size_t i = 0; i < most; ++i) {
    const char letter = fields.empty() ? 'x' : fields[i % fields.size()];
    const bool small = is_small(letter);
    const long value = random_.one_in(24) ? wild() : letter == 'S' || letter == 't' ? number('q') : one(letter, {});
    if (!small) size = (size + 7) & ~std::size_t{7};
    std::memcpy(bytes + size, &value, small ? 4 : 8);
    size += small ? 4 : 8;
  }
  std::byte* at = scratch_.take(size, random_);
  std::memcpy(at, bytes, size);
  return reinterpret_cast<long>(at);
}

long Arguments::names() {
  long words[12] = {};
  const std::size_t count = random_.below(std::size(words));
  for (std::size_t i = 0; i < count; ++i) words[i] = random_.one_in(20) ? address() : name();
  if (random_.one_in(2)) words[0] = reinterpret_cast<long>("true");
  std::byte* at = scratch_.take(sizeof words, random_);
  std::memcpy(at, words, sizeof words);
  return reinterpret_cast<long>(at);
}

// A path or an abstract name, out of few: so that somebody is found there.
long Arguments::socket_address() {
  sockaddr_un address{.sun_family = static_cast<sa_family_t>(number('g')), .sun_path = {}};
  if (random_.one_in(2))
    address.sun_path[1] = static_cast<char>('a' + random_.below(3));
  else
    std::strncpy(address.sun_path, random_.of(paths), sizeof address.sun_path - 1);
  std::byte* at = scratch_.take(sizeof address, random_);
  std::memcpy(at, &address, sizeof address);
  return reinterpret_cast<long>(at);
}

// Two descriptors or credentials, mostly laid out right.
long Arguments::control_data() {
  alignas(cmsghdr) char bytes[2 * CMSG_SPACE(sizeof(ucred))] = {};
  auto* header = reinterpret_cast<cmsghdr*>(bytes);
  const bool files = !random_.one_in(3);
  const std::size_t size = files ? 2 * sizeof(int) : sizeof(ucred);
  *header = {.cmsg_len = random_.one_in(8) ? random_.below(100) : CMSG_LEN(size), .cmsg_level = SOL_SOCKET,
             .cmsg_type = files ? SCM_RIGHTS : SCM_CREDENTIALS};
  const int numbers[] = {static_cast<int>(number(files ? 'd' : 'i')), static_cast<int>(number(files ? 'd' : 'u')), 0};
  std::memcpy(CMSG_DATA(header), numbers, size);
  std::byte* at = scratch_.take(sizeof bytes, random_);
  std::memcpy(at, bytes, sizeof bytes);
  return reinterpret_cast<long>(at);
}

}  // namespace cv6::calls
