// The code that a Linux program finds in its memory for reading clocks (vdso(7)): it runs in user mode, so a look at the
// clock does not enter the kernel. It becomes a shared object of one page, linux-vdso.so.1, which the kernel carries in
// itself; the page of memory behind it is the ClockPage. What it cannot answer it asks the kernel as a program would.
#include <cstddef>
#include <cstdint>

#include "fs/clock_page.hpp"

namespace {

struct Timespec {
  std::int64_t seconds;
  std::int64_t nanoseconds;
};
struct Timeval {
  std::int64_t seconds;
  std::int64_t microseconds;
};
struct Timezone {
  std::int32_t minutes_west;
  std::int32_t daylight_saving;
};

constexpr std::uint64_t one_second = 1'000'000'000;
constexpr long call_clock_gettime = 228;

// clock_gettime(2). The coarse ones are as exact here.
enum Clock : int {
  real_time = 0, monotonic = 1, monotonic_raw = 4, real_time_coarse = 5, monotonic_coarse = 6, boot_time = 7, atomic_time = 11
};

// Filled in by the kernel; the linker puts it behind the code's page.
[[gnu::section(".clock"), gnu::visibility("hidden"), gnu::used]] cv6::ClockPage page;

std::uint64_t monotonic_now() {
  asm volatile("lfence" ::: "memory");  // not before what the program has done so far
  const std::uint64_t cycles = __builtin_ia32_rdtsc() - page.start;
  return static_cast<std::uint64_t>(static_cast<unsigned __int128>(cycles) * page.nanoseconds_per_cycle >> 32);
}

std::uint64_t real_time_now() {
  return monotonic_now() + static_cast<std::uint64_t>(page.real_time_offset.load(std::memory_order_relaxed));
}

int ask_kernel(long clock, Timespec* now) {
  long result = call_clock_gettime;
  asm volatile("syscall" : "+a"(result) : "D"(clock), "S"(now) : "rcx", "r11", "memory");
  return static_cast<int>(result);
}

}  // namespace

extern "C" int __vdso_clock_gettime(int clock, Timespec* now) {
  std::uint64_t time = 0;
  switch (clock) {
    case monotonic:
    case monotonic_raw:
    case monotonic_coarse:
    case boot_time: time = monotonic_now(); break;
    case real_time:
    case real_time_coarse:
    case atomic_time: time = real_time_now(); break;
    default: return ask_kernel(clock, now);
  }
  *now = {static_cast<std::int64_t>(time / one_second), static_cast<std::int64_t>(time % one_second)};
  return 0;
}

extern "C" int __vdso_gettimeofday(Timeval* now, Timezone* zone) {
  if (now) {
    const std::uint64_t time = real_time_now();
    *now = {static_cast<std::int64_t>(time / one_second), static_cast<std::int64_t>(time % one_second / 1000)};
  }
  if (zone) *zone = {};
  return 0;
}

extern "C" std::int64_t __vdso_time(std::int64_t* seconds) {
  const auto now = static_cast<std::int64_t>(real_time_now() / one_second);
  if (seconds) *seconds = now;
  return now;
}
