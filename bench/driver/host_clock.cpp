#include "host_clock.hpp"

#include <chrono>

namespace cv6::bench {
namespace {

double measure_gigahertz() {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const std::uint64_t first_tick = __builtin_ia32_rdtsc();
  std::this_thread::sleep_for(std::chrono::milliseconds{100});
  const std::uint64_t ticks = __builtin_ia32_rdtsc() - first_tick;
  const std::chrono::duration<double, std::nano> passed = Clock::now() - start;
  return static_cast<double>(ticks) / passed.count();
}

}  // namespace

double counter_gigahertz() {
  static const double gigahertz = measure_gigahertz();
  return gigahertz;
}

}  // namespace cv6::bench
