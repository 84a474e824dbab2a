// One value for each processor, each on cache lines of its own. Interrupts are off in the kernel, so the local one needs
// no protection; another processor's needs whatever T itself offers.
#pragma once

#include "arch/cpu.hpp"

namespace cv6 {

template <class T>
class PerCpu {
 public:
  constexpr PerCpu() = default;
  T& here() { return slots_[arch::cpu_index()].value; }
  T& of(unsigned cpu) { return slots_[cpu].value; }

 private:
  struct alignas(64) Slot {
    T value{};
  };
  Slot slots_[arch::max_cpus];
};

}  // namespace cv6
