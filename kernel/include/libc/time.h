// libc++ needs the types; the kernel's time is in arch/clock.hpp.
#pragma once

#include <stddef.h>

typedef long time_t;
typedef long clock_t;
struct timespec {
  time_t tv_sec;
  long tv_nsec;
};
struct tm;
