// The interrupt controllers: a local one in each processor (Intel SDM volume 3, chapter 11), and the I/O APIC for the
// devices' wires (Intel 82093AA data sheet).
#pragma once

#include <cstdint>

#include "arch/interrupts.hpp"

namespace cv6::arch::apic {

[[nodiscard]] bool map_registers();  // once; false: no memory
void enable();                       // on each processor
std::uint32_t id();
void end_of_interrupt();

void send(std::uint32_t apic_id, unsigned vector);
void send_nmi(std::uint32_t apic_id);
void send_init_to_others();
void send_startup_to_others(std::uintptr_t page);  // physical, below 1 MiB

// The timer counts down from a start value at the bus clock, and interrupts once at zero.
inline constexpr std::uint32_t longest_count = 0xffffffff;
void start_timer(std::uint32_t count);  // 0 stops it
std::uint32_t timer_count();

unsigned wires();
void connect_wire(unsigned wire, Trigger trigger, unsigned vector, std::uint32_t apic_id);

}  // namespace cv6::arch::apic
