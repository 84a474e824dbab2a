#include "arch/interrupts.hpp"

#include "arch/upcalls.hpp"
#include "arch/x86_64/apic.hpp"
#include "arch/x86_64/clock.hpp"
#include "arch/x86_64/cpu_block.hpp"
#include "arch/x86_64/smp.hpp"
#include "arch/x86_64/traps.hpp"
#include "arch/x86_64/vectors.hpp"

namespace cv6::arch {

namespace {

struct Connection {
  InterruptHandler handler = nullptr;
  void* context = nullptr;
};
Connection connections[vector::last_device - vector::first_device + 1];
unsigned next_vector = vector::first_device;  // devices are found at boot, by one processor, and stay

// 0: none left.
unsigned take_vector(InterruptHandler handler, void* context) {
  if (next_vector > vector::last_device) return 0;
  connections[next_vector - vector::first_device] = {handler, context};
  return next_vector++;
}

}  // namespace

void handle_interrupt(unsigned number) {
  switch (number) {
    case vector::spurious: return;
    case vector::timer:
      apic::end_of_interrupt();
      return handle_timer_interrupt();
    case vector::wakeup:
      apic::end_of_interrupt();
      return on_wakeup();
    case vector::flush:
      apic::end_of_interrupt();
      return answer_flush_request();
    default: break;
  }
  if (number >= vector::first_device && number <= vector::last_device) {
    const Connection& connection = connections[number - vector::first_device];
    if (connection.handler) connection.handler(connection.context);
  }
  apic::end_of_interrupt();  // after the handler: a level must be gone, or it comes again
}

bool connect_interrupt(unsigned line, Trigger trigger, InterruptHandler handler, void* context) {
  if (line >= apic::wires()) return false;
  const unsigned vector = take_vector(handler, context);
  if (!vector) return false;
  apic::connect_wire(line, trigger, vector, cpu_blocks[0]->apic_id);
  return true;
}

bool create_message_interrupt(InterruptHandler handler, void* context, InterruptMessage& message) {
  const unsigned vector = take_vector(handler, context);
  if (!vector) return false;
  message = {.address = 0xfee00000 | std::uint64_t{cpu_blocks[0]->apic_id} << 12, .data = vector};
  return true;
}

}  // namespace cv6::arch
