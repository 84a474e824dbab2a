// struct rusage from what the kernel counts: getrusage(2), wait4(2).
#pragma once

#include "abi/linux/times.hpp"
#include "abi/linux/types_system.hpp"
#include "task/resource_limits.hpp"

namespace cv6::linux_abi {

inline Rusage rusage_of(const ResourceUsage& usage) {
  Rusage result{};
  result.ru_utime = timeval_of(usage.user_time);
  result.ru_stime = timeval_of(usage.system_time);
  result.ru_maxrss = static_cast<std::int64_t>(usage.peak_resident_pages << page_shift >> 10);
  result.ru_minflt = static_cast<std::int64_t>(usage.minor_faults);
  result.ru_majflt = static_cast<std::int64_t>(usage.major_faults);
  result.ru_inblock = static_cast<std::int64_t>(usage.blocks_read);
  result.ru_oublock = static_cast<std::int64_t>(usage.blocks_written);
  result.ru_nvcsw = static_cast<std::int64_t>(usage.voluntary_switches);
  result.ru_nivcsw = static_cast<std::int64_t>(usage.involuntary_switches);
  return result;
}

}  // namespace cv6::linux_abi
