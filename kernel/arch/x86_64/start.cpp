// From the first instruction in C++ to kmain(), and the same for the other processors.
#include <algorithm>
#include <atomic>
#include <cstring>

#include "arch/clock.hpp"
#include "arch/context.hpp"
#include "arch/machine.hpp"
#include "arch/x86_64/apic.hpp"
#include "arch/x86_64/boot_information.hpp"
#include "arch/x86_64/clock.hpp"
#include "arch/x86_64/cpu_block.hpp"
#include "arch/x86_64/descriptors.hpp"
#include "arch/x86_64/features.hpp"
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/paging.hpp"
#include "arch/x86_64/platform.hpp"
#include "arch/x86_64/serial.hpp"
#include "lib/panic.hpp"

[[noreturn]] void kmain();

extern "C" {
extern const char trampoline_begin[], trampoline_end[], boot_stack_top[];
// For trampoline.S: the next number, how many there are, and their stacks.
std::atomic<std::uint32_t> processor_tickets{1};
std::atomic<std::uint32_t> processor_limit{0};
void* processor_stacks[cv6::arch::max_cpus];
}

namespace cv6::arch {

CpuBlock* cpu_blocks[max_cpus];

namespace {

constexpr Nanoseconds longest_start = 200 * nanoseconds_per_millisecond, longest_delay = 2 * nanoseconds_per_second;

constinit CpuBlock first_block;
constinit FaultStacks first_fault_stacks{};

// How many processors are in, by their numbers: 0 .. running - 1. Once they are counted nobody comes in any more.
std::atomic<std::uint32_t> running{1};
constexpr std::uint32_t closed = 1u << 31;
std::atomic<bool> released{false};
unsigned count = 1;
void (*secondary_main)() = nullptr;

// What start_other_cpus gives each processor: its stack ends where this ends.
struct ProcessorMemory {
  FaultStacks fault_stacks;
  CpuBlock block;
  char stack[processor_block_size - sizeof(FaultStacks) - sizeof(CpuBlock)];
};
static_assert(sizeof(ProcessorMemory) == processor_block_size);

void prepare_processor(unsigned index, void* memory) {
  auto& own = *new (memory) ProcessorMemory;
  own.block.index = index;
  cpu_blocks[index] = &own.block;
  processor_stacks[index] = static_cast<char*>(memory) + processor_block_size;
}

FaultStacks& fault_stacks_of(unsigned index) {
  return static_cast<ProcessorMemory*>(static_cast<void*>(static_cast<char*>(processor_stacks[index]) -
                                                          processor_block_size))->fault_stacks;
}

// Each after the one with the number before, so that the numbers of those that are counted have no gap: a processor that is
// very late keeps out those behind it as well. False: it is too late.
bool come_in(std::uint32_t index) {
  std::uint32_t before = index;
  while (!running.compare_exchange_weak(before, index + 1, std::memory_order_release, std::memory_order_relaxed)) {
    if (before & closed) return false;
    before = index;
    asm volatile("pause");
  }
  return true;
}

// Waits, not for long, until so many processors run. The clock stands still at longest_count (clock.cpp).
void wait_until_running(unsigned wanted, Nanoseconds longest) {
  const Nanoseconds limit = std::min<Nanoseconds>(monotonic_now() + longest, apic::longest_count);
  while (running.load(std::memory_order_acquire) < wanted && monotonic_now() < limit) asm volatile("pause");
}

// Tells them all to begin at the trampoline; twice, since real ones may miss the first call.
void call_others(unsigned wanted) {
  std::memcpy(direct(TRAMPOLINE), trampoline_begin, static_cast<std::size_t>(trampoline_end - trampoline_begin));
  apic::send_init_to_others();
  for (unsigned tries = 0; tries < 2 && running.load(std::memory_order_relaxed) < wanted; ++tries) {
    apic::send_startup_to_others(TRAMPOLINE);
    wait_until_running(wanted, longest_start);
  }
}

}  // namespace

extern "C" [[noreturn]] void cv6_boot_processor_start(std::uint32_t start_info) {
  write_msr(msr::gs_base, reinterpret_cast<std::uint64_t>(&first_block));
  cpu_blocks[0] = &first_block;
  start_serial();
  detect_features();
  fill_interrupt_table();
  load_descriptors(first_block, first_fault_stacks);
  enable_features();
  read_start_info(start_info);
  build_kernel_page_table();
  load_kernel_page_table();
  if (!apic::map_registers()) panic("no place for the registers of the interrupt controllers");
  apic::enable();
  first_block.apic_id = apic::id();
  start_clock();
#ifdef CV6_DEBUG
  verify_kernel_page_table();
#endif
  set_kernel_stack(const_cast<char*>(boot_stack_top));
  kmain();
}

// Who comes back from here is halted (trampoline.S).
extern "C" void cv6_processor_start(std::uint32_t index) {
  load_descriptors(*cpu_blocks[index], fault_stacks_of(index));
  enable_features();
  load_kernel_page_table();
  apic::enable();
  this_cpu().apic_id = apic::id();
  set_kernel_stack(processor_stacks[index]);
  if (!come_in(index)) return;
  while (!released.load(std::memory_order_acquire)) asm volatile("pause");
  secondary_main();
  panic("a processor's main function returned");
}

void start_other_cpus(void* (*take)(std::size_t bytes), void (*main)()) {
  const unsigned wanted = std::min(count_processors(), max_cpus);
  secondary_main = main;
  unsigned prepared = 1;
  for (; prepared < wanted; ++prepared) {
    void* memory = take(processor_block_size);
    if (!memory) break;
    prepare_processor(prepared, memory);
  }
  processor_limit.store(prepared, std::memory_order_seq_cst);
  if (prepared > 1) call_others(prepared);
  // From now on there are no numbers left. Who has taken one runs, and will be here, unless the host has forgotten it.
  const unsigned taken = processor_tickets.exchange(prepared, std::memory_order_seq_cst);
  wait_until_running(std::min(taken, prepared), longest_delay);
  count = running.fetch_or(closed, std::memory_order_acquire);  // acquire: pairs with come_in
  calibrate_clock();  // from here on timers are used, on any processor
  released.store(true, std::memory_order_release);
}

unsigned cpu_count() { return count; }

}  // namespace cv6::arch
