// The kernel log: whole lines, with level and time ("<6>[    0.001234] text"), in a ring that /dev/kmsg and syslog(2)
// read; and, without the level, on the log device as soon as there is one (the first serial port on x86-64). Never blocks;
// may be called from anywhere. Bytes that are no printable ASCII character are shown as \xNN: names come from programs, and a
// newline would let them begin a line of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "lib/format.hpp"

namespace cv6 {

enum class LogLevel : std::uint8_t { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };  // as in syslog(3)

namespace log_detail {
inline constexpr std::size_t longest_text = 256;
void write(LogLevel level, std::string_view text);
}

// One line, without a newline at its end.
template <class... Args>
void log(LogLevel level, std::string_view format, const Args&... args) {
  char text[log_detail::longest_text];
  log_detail::write(level, format_to(text, format, args...));
}

// Where lines go besides the ring; called with the log's lock held, must not log, block or allocate. Set at boot, while one
// processor runs, and by a panic.
void set_log_device(void (*write)(std::string_view text));

// Reading the ring: each byte ever logged has a position; what has been overwritten is skipped. Returns bytes copied and
// moves `position` behind them.
std::size_t read_log(std::uint64_t& position, std::span<char> to);
std::uint64_t log_end();
inline constexpr std::size_t log_ring_size = 65536;

// From now on lines are written without waiting for the log's lock: for a panic, whose processor may hold it.
void ignore_log_lock();

}  // namespace cv6
