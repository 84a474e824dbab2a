// Processors, as every architecture provides them. `target/` is the architecture that is being built for.
//
// The kernel runs with interrupts off, always, but for two places where it asks for them: wait_for_interrupt() (idle) and
// interrupt_window() (inside long loops, holding no spin lock). So an interrupt arrives in user mode, in the idle loop or
// in a window, never in the middle of anything: no lock needs to mask interrupts and per-CPU data needs no protection.
#pragma once

#include <cstdint>

namespace cv6::arch {

inline constexpr unsigned max_cpus = 64;  // as many as a CpuSet has bits
using CpuSet = std::uint64_t;             // bit n: processor n

unsigned cpu_count();  // processors that run; fixed once boot has started them all
unsigned cpu_index();  // this processor, 0 .. cpu_count() - 1
constexpr CpuSet cpu_bit(unsigned cpu) { return CpuSet{1} << cpu; }

// One turn of a busy wait. Answers what other processors ask of this one meanwhile (mmu.hpp), so that two that wait for
// each other both get on. (It saves all registers itself, so that code that need not wait at a lock saves none for it.)
[[clang::preserve_most]] void relax();

// With interrupts on, waits until one has been handled; returns with interrupts off. An interrupt that was pending is
// never slept over.
void wait_for_interrupt();
// Handles the interrupts that are pending, if any.
void interrupt_window();

// Makes another processor handle `on_wakeup` soon (upcalls.hpp), out of idle or user mode.
void send_wakeup(unsigned cpu);

// What runs here: set by the scheduler at each switch, one instruction to read.
void* current_thread();
void set_current_thread(void* thread);

// Stops all other processors for good (panic, power off). Does not wait for those that do not answer.
void stop_other_cpus();
[[noreturn]] void halt_forever();
enum class PowerOff { normal, restart, panic };
[[noreturn]] void power_off(PowerOff how);

// 64 random bits from the processor where it has them, else from its clock: a seed, not a generator.
std::uint64_t entropy();

}  // namespace cv6::arch

#include "arch/target/cpu_inline.hpp"  // what of the above is inline
