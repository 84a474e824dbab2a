#include "arch/x86_64/apic.hpp"

#include "arch/mmu.hpp"
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/vectors.hpp"

namespace cv6::arch::apic {

namespace {

constexpr PhysicalAddress local_address = 0xfee00000;
constexpr PhysicalAddress io_address = 0xfec00000;

volatile std::uint32_t* local = nullptr;
volatile std::uint32_t* io = nullptr;

// Registers of the local APIC, in words.
enum Register : unsigned {
  id_register = 0x020 / 4,
  task_priority = 0x080 / 4,
  end_register = 0x0b0 / 4,
  spurious_vector = 0x0f0 / 4,
  command_low = 0x300 / 4,
  command_high = 0x310 / 4,
  timer_vector = 0x320 / 4,
  wire0_vector = 0x350 / 4,
  timer_start = 0x380 / 4,
  timer_current = 0x390 / 4,
  timer_divide = 0x3e0 / 4,
};

constexpr std::uint32_t deliver_nmi = 4 << 8, deliver_init = 5 << 8, deliver_startup = 6 << 8;
constexpr std::uint32_t assert_level = 1 << 14, to_others = 3 << 18, busy = 1 << 12;
constexpr std::uint32_t masked = 1 << 16;

void command(std::uint32_t low, std::uint32_t apic_id = 0) {
  while (local[command_low] & busy) asm volatile("pause");
  local[command_high] = apic_id << 24;
  local[command_low] = low;
}

std::uint32_t read_io(unsigned number) {
  io[0] = number;
  return io[4];
}
void write_io(unsigned number, std::uint32_t value) {
  io[0] = number;
  io[4] = value;
}

// The two 8259s that PCs have besides: silent from now on.
void mask_old_controllers() {
  port_out(0x21, std::uint8_t{0xff});
  port_out(0xa1, std::uint8_t{0xff});
}

}  // namespace

bool map_registers() {
  mask_old_controllers();
  local = static_cast<volatile std::uint32_t*>(map_device(local_address, 4096));
  io = static_cast<volatile std::uint32_t*>(map_device(io_address, 4096));
  return local && io;
}

void enable() {
  write_msr(msr::apic_base, local_address | 1 << 11 | (read_msr(msr::apic_base) & 1 << 8));
  local[spurious_vector] = 1 << 8 | vector::spurious;
  local[task_priority] = 0;
  local[wire0_vector] = masked;  // where firmware connects the old interrupt controllers
  local[timer_divide] = 0xb;  // by 1
  local[timer_vector] = vector::timer;
}

std::uint32_t id() { return local[id_register] >> 24; }
void end_of_interrupt() { local[end_register] = 0; }

void send(std::uint32_t apic_id, unsigned vector) { command(assert_level | vector, apic_id); }
void send_nmi(std::uint32_t apic_id) { command(assert_level | deliver_nmi, apic_id); }
void send_init_to_others() { command(to_others | assert_level | deliver_init); }
void send_startup_to_others(std::uintptr_t page) {
  command(to_others | assert_level | deliver_startup | static_cast<std::uint32_t>(page >> 12));
}

void start_timer(std::uint32_t count) { local[timer_start] = count; }
std::uint32_t timer_count() { return local[timer_current]; }

unsigned wires() { return (read_io(1) >> 16 & 0xff) + 1; }

void connect_wire(unsigned wire, Trigger trigger, unsigned vector, std::uint32_t apic_id) {
  write_io(0x11 + 2 * wire, apic_id << 24);
  write_io(0x10 + 2 * wire, vector | (trigger == Trigger::level ? 1 << 15 : 0));
}

}  // namespace cv6::arch::apic
