// The end: QEMU's isa-debug-exit, ACPI's usual port, the keyboard controller, and if all else fails a triple fault.
#include "arch/cpu.hpp"
#include "arch/x86_64/features.hpp"
#include "arch/x86_64/instructions.hpp"

namespace cv6::arch {

namespace {

constexpr std::uint16_t debug_exit_port = 0xf4;  // status: (value << 1) | 1
constexpr std::uint16_t q35_power_port = 0x604;  // PM1a control of QEMU's q35
constexpr std::uint16_t q35_sleep_off = 1 << 13;
constexpr std::uint16_t reset_port = 0xcf9, keyboard_port = 0x64;

[[noreturn]] void triple_fault() {
  const struct [[gnu::packed]] {
    std::uint16_t limit;
    std::uint64_t address;
  } no_table{0, 0};
  asm volatile("lidt %0; int3" ::"m"(no_table));
  halt_forever();
}

}  // namespace

void halt_forever() {
  while (true) asm volatile("cli; hlt");
}

void power_off(PowerOff how) {
  stop_other_cpus();
  if (how == PowerOff::restart) {
    port_out(reset_port, std::uint8_t{6});
    port_out(keyboard_port, std::uint8_t{0xfe});
    triple_fault();
  }
  port_out(debug_exit_port, std::uint32_t{how == PowerOff::panic});
  port_out(q35_power_port, q35_sleep_off);
  triple_fault();
}

void wait_for_interrupt() { asm volatile("sti; hlt; cli" ::: "memory"); }
void interrupt_window() { asm volatile("sti; nop; cli" ::: "memory"); }

std::uint64_t entropy() {
  if (features.random) {
    for (unsigned tries = 0; tries < 10; ++tries) {
      std::uint64_t value;
      bool valid;
      asm volatile("rdrand %0" : "=r"(value), "=@ccc"(valid));
      if (valid) return value;
    }
  }
  // The clock's low bits, spread over the word (the finisher of MurmurHash3).
  std::uint64_t value = read_tsc();
  value = (value ^ value >> 33) * 0xff51afd7ed558ccd;
  value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53;
  return value ^ value >> 33;
}

}  // namespace cv6::arch
