// The real-time clock of PCs (Motorola MC146818), and KVM's, for machines that have only that.
#include "arch/x86_64/real_time.hpp"

#include <chrono>

#include "arch/mmu.hpp"
#include "arch/x86_64/features.hpp"
#include "arch/x86_64/image.hpp"
#include "arch/x86_64/instructions.hpp"

namespace cv6::arch {

namespace {

enum Register : std::uint8_t { second = 0, minute = 2, hour = 4, day = 7, month = 8, year = 9, status_a = 10, status_b = 11, century = 0x32 };

std::uint8_t read(Register number) {
  port_out(0x70, static_cast<std::uint8_t>(number));
  return port_in<std::uint8_t>(0x71);
}

struct Reading {
  std::uint8_t second, minute, hour, day, month, year;
  bool operator==(const Reading&) const = default;
};
Reading read_all() { return {read(second), read(minute), read(hour), read(day), read(month), read(year)}; }

unsigned from_bcd(std::uint8_t value) { return (value >> 4) * 10 + (value & 15); }

Nanoseconds decode(const Reading& reading, std::uint8_t status) {
  const bool binary = status & 4;
  const bool hours_to_24 = status & 2;
  const auto number = [&](std::uint8_t value) { return binary ? value : from_bcd(value); };
  unsigned hours = number(reading.hour & 0x7f);
  if (!hours_to_24) hours = hours % 12 + (reading.hour & 0x80 ? 12 : 0);
  const auto days = std::chrono::sys_days(std::chrono::year(2000 + static_cast<int>(number(reading.year))) /
                                          std::chrono::month(number(reading.month)) / std::chrono::day(number(reading.day)));
  const std::int64_t seconds = std::int64_t{days.time_since_epoch().count()} * 86400 + hours * 3600 +
                               number(reading.minute) * 60 + number(reading.second);
  return seconds * nanoseconds_per_second;
}

// 0: there is none.
Nanoseconds read_battery_clock() {
  if (read(status_a) == 0xff) return 0;
  // An update may come between two registers, never between two equal readings.
  Reading reading = read_all();
  for (unsigned tries = 0; tries < 1000; ++tries) {
    const Reading again = read_all();
    if (again == reading) return decode(reading, read(status_b));
    reading = again;
  }
  return 0;
}

// https://docs.kernel.org/virt/kvm/x86/msr.html, MSR_KVM_WALL_CLOCK_NEW: when the machine began.
Nanoseconds read_kvm_clock() {
  constexpr std::uint32_t wall_clock_msr = 0x4b564d00, wall_clock_feature = 1 << 3;
  if (!features.hypervisor) return 0;
  const CpuidResult signature = cpuid(0x40000000);
  if (signature.ebx != 0x4b4d564b || signature.ecx != 0x564b4d56 || signature.edx != 0x4d) return 0;
  if (!(cpuid(0x40000001).eax & wall_clock_feature)) return 0;
  alignas(16) static volatile struct {
    std::uint32_t version, seconds, nanoseconds;
  } wall_clock;
  write_msr(wall_clock_msr, image_physical(const_cast<const void*>(static_cast<volatile void*>(&wall_clock))));
  return wall_clock.seconds * nanoseconds_per_second + wall_clock.nanoseconds;
}

}  // namespace

Nanoseconds read_real_time() {
  if (const Nanoseconds now = read_battery_clock()) return now;
  return read_kvm_clock();
}

}  // namespace cv6::arch
