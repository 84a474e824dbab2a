#include "worker.hpp"

#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "arguments.hpp"
#include "support/small_program.hpp"

namespace cv6::calls {
namespace {

constexpr unsigned calls_of_a_thread = 600, most_threads = 4;
constexpr long patience_of_a_process = 120;  // milliseconds
constexpr std::uintptr_t scratch_place = Arena::start + 2 * Arena::pages * page_size;  // with unmapped pages between

struct Caller {
  std::uint64_t seed;
  unsigned calls;
  std::byte* scratch;
};

long raw_call(long number, const Arguments::Values& values) {
  long result;
  register long d asm("r10") = values.at[3];
  register long e asm("r8") = values.at[4];
  register long f asm("r9") = values.at[5];
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(values.at[0]), "S"(values.at[1]), "d"(values.at[2]), "r"(d), "r"(e), "r"(f)
               : "rcx", "r11", "memory");
  return result;
}

bool makes_process(long number) {
  return number == SYS_fork || number == SYS_vfork || number == SYS_clone || number == SYS_clone3;
}

void write_whole(const char* name, const void* bytes, std::size_t size) {
  const int file = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0777);
  if (write(file, bytes, size) < 0) unlink(name);
  close(file);
}

// An executable with some bytes that are wrong.
void write_program(Random& random) {
  constexpr unsigned char code[] = {0xbf, 42, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05};  // exit(42)
  guest::ProgramOf<sizeof code> program(code);
  auto* bytes = reinterpret_cast<unsigned char*>(&program);
  for (std::uint64_t changes = random.below(6); changes > 0; --changes)
    bytes[random.below(sizeof program)] = static_cast<unsigned char>(random.next());
  write_whole("program", bytes, sizeof program - random.below(random.one_in(4) ? 100 : 1));
}

// Files with the names that arguments use. All processes of the container work in the same directory.
void make_files(Random& random) {
  mkdir("/tmp/fuzz", 0777);
  if (chdir("/tmp/fuzz") != 0 && chdir("/") != 0) return;
  mkdir("d0", 0777);
  mkdir("d0/d1", 0777);
  mkdir("d1", 0777);
  for (const char* name : {"f0", "f1", "f2", "d0/f0", "d0/f1"})
    if (random.one_in(2)) write_whole(name, name, 2);
  if (symlink("f1", "link") == 0 && symlink("loop", "loop") == 0) mkfifo("fifo", 0666);
  write_program(random);
  constexpr const char* scripts[] = {"#!/bin/busybox true\n", "#! ./script x\n", "#!", "#!/none\n", "#!program a b c"};
  const char* script = random.of(scripts);
  write_whole("script", script, std::strlen(script));
}

// Some of each kind that there is. What is open already stays.
void open_files(Random& random) {
  constexpr const char* names[] = {"f0", "f1", ".", "d0", "fifo", "/dev/null", "/dev/zero", "/dev/full", "/dev/ptmx", "/dev/tty",
                                   "/proc/self/status", "/proc/self/fd", "/proc/self/maps", "/dev/urandom", "/proc", "/bin/busybox"};
  for (int i = 0; i < 6; ++i) {
    const int file = open(random.of(names), (random.one_in(2) ? O_RDWR | O_CREAT : O_RDONLY) | O_NONBLOCK, 0666);
    if (file >= 40) close(file);
  }
  int ends[2];
  if (random.one_in(2) && pipe2(ends, random.one_in(2) ? O_NONBLOCK : 0) == 0 && ends[1] >= 40) close(ends[0]), close(ends[1]);
  const int type = random.one_in(2) ? SOCK_STREAM : random.one_in(2) ? SOCK_DGRAM : SOCK_SEQPACKET;
  if (random.one_in(2) && socketpair(AF_UNIX, type | (random.one_in(2) ? SOCK_NONBLOCK : 0), 0, ends) == 0 && ends[1] >= 40)
    close(ends[0]), close(ends[1]);
  if (random.one_in(2)) memfd_create("memory", 0);
}

// Never returns: the thread ends.
void* make_calls(void* argument) {
  const Caller caller = *static_cast<Caller*>(argument);
  Random random(caller.seed);
  unsigned left = caller.calls;
  Arguments arguments(random, Scratch(caller.scratch));
  for (; left > 0; --left) {
    if (left % 200 == 0) open_files(random);
    const Shape shape = choose(random);
    const Arguments::Values values = arguments.make(shape);
    const long result = raw_call(shape.number, values);
    if (result == 0 && makes_process(shape.number)) {  // a child: with calls of its own, and fewer of them
      random = Random(random.next() ^ static_cast<std::uint64_t>(raw_call(SYS_gettid, {})));
      left = left / 4 + 1;
    }
  }
  for (;;) raw_call(SYS_exit, {});
}

[[noreturn]] void be_process(std::uint64_t seed) {
  Random random(seed);
  make_files(random);
  Arena::map();
  auto* scratch = static_cast<std::byte*>(mmap(reinterpret_cast<void*>(scratch_place), 2 * most_threads * Scratch::size,
                                               PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
  struct sigaction nothing{};
  nothing.sa_handler = [](int) {};
  for (const int number : {SIGALRM, SIGUSR1, SIGPIPE, SIGXFSZ, SIGHUP, SIGIO}) sigaction(number, &nothing, nullptr);
  const itimerval often{{0, 3000}, {0, 3000}};  // a call that waits is interrupted
  setitimer(ITIMER_REAL, &often, nullptr);
  static Caller callers[most_threads];
  const std::uint64_t threads = 1 + random.below(most_threads);
  for (std::uint64_t i = 0; i < threads; ++i) {
    std::byte* own = scratch + 2 * i * Scratch::size;  // behind it is nothing
    mprotect(own, Scratch::size, PROT_READ | PROT_WRITE);
    callers[i] = {random.next(), calls_of_a_thread, own};
    pthread_t thread;
    if (i + 1 < threads) pthread_create(&thread, nullptr, make_calls, &callers[i]);
  }
  make_calls(&callers[threads - 1]);
  _exit(0);
}

long milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

// Until the process has ended, or had its time. What others left behind is reaped on the way.
void end_process(pid_t process) {
  const long end = milliseconds() + patience_of_a_process;
  for (;;) {
    const pid_t ended = waitpid(-1, nullptr, WNOHANG);
    if (ended == process || (ended == -1 && errno == ECHILD)) return;
    if (ended > 0) continue;
    if (milliseconds() > end) kill(process, SIGKILL);
    const timespec moment{0, 1'000'000};
    nanosleep(&moment, nullptr);
  }
}

}  // namespace

void keep_calling(std::uint64_t seed) {
  Random random(seed);
  for (;;) {
    const std::uint64_t own = random.next();
    const pid_t process = fork();
    if (process == 0) be_process(own);
    if (process > 0) {
      end_process(process);
    } else {
      kill(-1, SIGKILL);  // the container is full
      while (waitpid(-1, nullptr, 0) > 0) continue;
    }
  }
}

}  // namespace cv6::calls
