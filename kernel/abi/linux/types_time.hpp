// Times as programs lay them out (Linux UAPI: linux/time.h, linux/time_types.h, linux/timex.h; time(7), timer_create(2)).
#pragma once

#include <cstddef>
#include <cstdint>

namespace cv6::linux_abi {

struct Timespec {
  std::int64_t tv_sec;
  std::int64_t tv_nsec;
};
struct Timeval {
  std::int64_t tv_sec;
  std::int64_t tv_usec;
};
struct Timezone {
  std::int32_t tz_minuteswest;
  std::int32_t tz_dsttime;
};
struct Itimerval {
  Timeval it_interval;
  Timeval it_value;
};
struct Itimerspec {
  Timespec it_interval;
  Timespec it_value;
};
struct Utimbuf {
  std::int64_t actime;
  std::int64_t modtime;
};
inline constexpr std::int64_t utime_now = 0x3fffffff;
inline constexpr std::int64_t utime_omit = 0x3ffffffe;

struct Tms {
  std::int64_t tms_utime;
  std::int64_t tms_stime;
  std::int64_t tms_cutime;
  std::int64_t tms_cstime;
};
inline constexpr std::int64_t ticks_per_second = 100;  // USER_HZ

struct Sigevent {
  std::uint64_t value;
  std::int32_t signo;
  std::int32_t notify;
  std::int32_t notify_thread;
  std::int32_t padding[11];
};
static_assert(sizeof(Sigevent) == 64);
inline constexpr int sigev_signal = 0;
inline constexpr int sigev_none = 1;
inline constexpr int sigev_thread_id = 4;

inline constexpr int clock_realtime = 0;
inline constexpr int clock_monotonic = 1;
inline constexpr int clock_process_cputime_id = 2;
inline constexpr int clock_thread_cputime_id = 3;
inline constexpr int clock_monotonic_raw = 4;
inline constexpr int clock_realtime_coarse = 5;
inline constexpr int clock_monotonic_coarse = 6;
inline constexpr int clock_boottime = 7;
inline constexpr int clock_realtime_alarm = 8;
inline constexpr int clock_boottime_alarm = 9;
inline constexpr int clock_tai = 11;
inline constexpr unsigned timer_abstime = 1;

}  // namespace cv6::linux_abi
