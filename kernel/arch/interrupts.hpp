// Interrupts of devices. Handlers run with interrupts off on whatever stack was in use, out of user mode, idle or an
// interrupt window: they take spin locks as anybody does, but must not block.
#pragma once

#include <cstdint>

namespace cv6::arch {

using InterruptHandler = void (*)(void* context);

// A wire of the interrupt controller, numbered as the platform does (on x86-64: the global system interrupt). Level: the
// device holds it until the handler has acknowledged. False: no such line, or no vector left.
enum class Trigger : std::uint8_t { edge, level };
[[nodiscard]] bool connect_interrupt(unsigned line, Trigger trigger, InterruptHandler handler, void* context);

// A message-signalled interrupt: what the device must write, and where.
struct InterruptMessage {
  std::uint64_t address = 0;
  std::uint32_t data = 0;
};
[[nodiscard]] bool create_message_interrupt(InterruptHandler handler, void* context, InterruptMessage& message);

}  // namespace cv6::arch
