// Time comes from the time stamp counter, whose frequency the processor may tell; else it is measured, without waiting for
// it: from the beginning of boot to its end, the local APIC's timer counts as well. Its frequency is known: it is 1 GHz
// in QEMU, under TCG and under KVM. While it counts, it is the clock.
#include "arch/clock.hpp"

#include "arch/upcalls.hpp"
#include "arch/x86_64/apic.hpp"
#include "arch/x86_64/clock.hpp"
#include "arch/x86_64/cpu_block.hpp"
#include "arch/x86_64/features.hpp"
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/real_time.hpp"

namespace cv6::arch {

namespace {

constexpr Nanoseconds longest_timer = 2 * nanoseconds_per_second;  // of a count, which has 32 bits; longer: in steps

enum class State { not_started, measuring, calibrated };

// Written by the first processor before there are others.
State state = State::not_started;
std::uint64_t start_cycles = 0;         // time stamp at time 0
std::uint64_t nanoseconds_per_cycle = 0;  // 32.32 fixed point

struct Sample {
  std::uint64_t cycles;
  std::uint64_t nanoseconds;
};

// Both counters at one moment: of a few tries the one that took the least time.
Sample take_sample() {
  Sample best{};
  std::uint64_t shortest = UINT64_MAX;
  for (unsigned i = 0; i < 4; ++i) {
    const std::uint64_t before = read_tsc();
    const std::uint64_t nanoseconds = apic::longest_count - apic::timer_count();
    const std::uint64_t after = read_tsc();
    if (after - before >= shortest) continue;
    shortest = after - before;
    best = {before + (after - before) / 2, nanoseconds};
  }
  return best;
}
Sample first_sample;

// Cycles per second, as far as the processor says: Intel's crystal leaf, the hypervisor's timing leaf. 0: it does not.
std::uint64_t told_frequency() {
  if (features.hypervisor && cpuid(0x40000000).eax >= 0x40000010) return std::uint64_t{cpuid(0x40000010).eax} * 1000;
  if (cpuid(0).eax < 0x15) return 0;
  const CpuidResult crystal = cpuid(0x15);
  if (!crystal.eax || !crystal.ebx || !crystal.ecx) return 0;
  return std::uint64_t{crystal.ecx} * crystal.ebx / crystal.eax;
}

std::uint64_t scale(std::uint64_t cycles, std::uint64_t factor) {
  return static_cast<std::uint64_t>(static_cast<unsigned __int128>(cycles) * factor >> 32);
}

// A ratio as 32.32 fixed point. Both below 2^32 here, or the frequency below 2^32 * 10^9.
std::uint64_t ratio(std::uint64_t numerator, std::uint64_t denominator) { return (numerator << 32) / denominator; }

void program_timer(Nanoseconds now, Nanoseconds deadline) {
  Nanoseconds wait = deadline - now;
  if (wait < 1) wait = 1;
  if (wait > longest_timer) wait = longest_timer;
  apic::start_timer(static_cast<std::uint32_t>(wait));
}

}  // namespace

void start_clock() {
  apic::start_timer(apic::longest_count);
  first_sample = take_sample();
  state = State::measuring;
}

void calibrate_clock() {
  if (state != State::measuring) return;
  const Sample now = take_sample();
  if (const std::uint64_t frequency = told_frequency())
    nanoseconds_per_cycle = ratio(nanoseconds_per_second, frequency);
  else
    nanoseconds_per_cycle = ratio(now.nanoseconds - first_sample.nanoseconds, now.cycles - first_sample.cycles);
  start_cycles = now.cycles - (now.nanoseconds << 32) / nanoseconds_per_cycle;
  state = State::calibrated;
  apic::start_timer(0);
}

Nanoseconds monotonic_now() {
  if (state == State::calibrated) [[likely]]
    return static_cast<Nanoseconds>(scale(read_tsc() - start_cycles, nanoseconds_per_cycle));
  return state == State::measuring ? apic::longest_count - apic::timer_count() : 0;
}

std::uint64_t cycles() { return read_tsc(); }

std::uint64_t cycles_per_second() {
  constexpr std::uint64_t one_second = nanoseconds_per_second;
  return nanoseconds_per_cycle ? (one_second << 32) / nanoseconds_per_cycle : 0;
}

ClockScale clock_scale() { return {start_cycles, nanoseconds_per_cycle}; }

Nanoseconds real_time_at_boot() {
  static Nanoseconds at_boot = 0;
  if (!at_boot) at_boot = read_real_time() - monotonic_now();
  return at_boot;
}

void set_timer(Nanoseconds deadline) {
  if (state != State::calibrated) [[unlikely]] calibrate_clock();
  CpuBlock& cpu = this_cpu();
  if (cpu.deadline == deadline) return;
  cpu.deadline = deadline;
  if (deadline == never)
    apic::start_timer(0);
  else
    program_timer(monotonic_now(), deadline);
}

// Rounding, and deadlines beyond the timer's range, make it come early; then it goes on.
void handle_timer_interrupt() {
  CpuBlock& cpu = this_cpu();
  if (cpu.deadline == never) return;
  const Nanoseconds now = monotonic_now();
  if (now < cpu.deadline) return program_timer(now, cpu.deadline);
  cpu.deadline = never;
  on_timer();
}

}  // namespace cv6::arch
