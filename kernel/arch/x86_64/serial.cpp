#include "arch/x86_64/serial.hpp"

#include <algorithm>

#include "arch/machine.hpp"
#include "arch/x86_64/instructions.hpp"

namespace cv6::arch {

namespace {

constexpr std::uint16_t base = 0x3f8;
constexpr std::uint16_t data = base, fifo_control = base + 2, line_control = base + 3, modem_control = base + 4,
                        line_status = base + 5, scratch = base + 7;
constexpr std::uint8_t holding_empty = 0x20;
constexpr std::size_t fifo_size = 16;
constexpr unsigned longest_wait = 100'000;  // turns; then the bytes are lost rather than the machine

bool present = false;

void wait_for_room() {
  for (unsigned turn = 0; turn < longest_wait; ++turn)
    if (port_in<std::uint8_t>(line_status) & holding_empty) return;
}

}  // namespace

void start_serial() {
  port_out(scratch, std::uint8_t{0x5a});
  present = port_in<std::uint8_t>(scratch) == 0x5a;
  if (!present) return;
  port_out(line_control, std::uint8_t{0x80});  // the divisor: 115200 baud
  port_out(base, std::uint8_t{1});
  port_out(static_cast<std::uint16_t>(base + 1), std::uint8_t{0});
  port_out(line_control, std::uint8_t{3});  // eight bits, no parity; no interrupts
  port_out(fifo_control, std::uint8_t{7});
  port_out(modem_control, std::uint8_t{3});
}

void write_log_device(std::string_view text) {
  if (!present) return;
  while (!text.empty()) {
    wait_for_room();
    const std::size_t size = std::min(text.size(), fifo_size);
    const char* from = text.data();
    std::size_t count = size;
    asm volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(data) : "memory");
    text.remove_prefix(size);
  }
}

}  // namespace cv6::arch
