#include "sync/log.hpp"

#include <algorithm>
#include <cstring>

#include "arch/clock.hpp"
#include "lib/units.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

namespace {

struct Log {
  std::uint64_t end = 0;  // position of the next byte
  void (*device)(std::string_view text) = nullptr;
  char ring[log_ring_size] = {};

  void append(std::string_view text) {
    while (!text.empty()) {
      const std::size_t at = end % log_ring_size;
      const std::size_t size = std::min(text.size(), log_ring_size - at);
      std::memcpy(ring + at, text.data(), size);
      end += size;
      text.remove_prefix(size);
    }
  }
};

constinit SpinLock lock(Rank::log);
constinit Log state GUARDED_BY(lock);
constinit bool lock_ignored = false;

void print_plainly(Output& out, std::string_view text) {
  for (const char c : text) {
    if (c >= ' ' && c <= '~') out.write({&c, 1});
    else print(out, "\\x{:02x}", static_cast<unsigned char>(c));
  }
}

void write_line(std::string_view line, std::size_t level_size) NO_THREAD_SAFETY_ANALYSIS {
  if (!lock_ignored) lock.lock();
  state.append(line);
  if (state.device) state.device(line.substr(level_size));
  if (!lock_ignored) lock.unlock();
}

}  // namespace

void log_detail::write(LogLevel level, std::string_view text) {
  constexpr std::size_t level_size = 3;  // "<6>"
  const Nanoseconds now = arch::monotonic_now();
  char plain[longest_text];  // cut where it became longer
  BufferOutput shown(plain);
  print_plainly(shown, text);
  char line[longest_text + 64];
  write_line(format_to(line, "<{}>[{:5}.{:06}] {}\n", level, now / nanoseconds_per_second,
                       now % nanoseconds_per_second / 1000, shown.view()),
             level_size);
}

void set_log_device(void (*write)(std::string_view text)) NO_THREAD_SAFETY_ANALYSIS { state.device = write; }

std::size_t read_log(std::uint64_t& position, std::span<char> to) {
  SpinGuard guard(lock);
  if (state.end - position > log_ring_size) position = state.end - log_ring_size;
  const std::size_t size = std::min<std::uint64_t>(to.size(), state.end - position);
  for (std::size_t done = 0; done < size;) {
    const std::size_t at = position % log_ring_size;
    const std::size_t piece = std::min(size - done, log_ring_size - at);
    std::memcpy(to.data() + done, state.ring + at, piece);
    done += piece;
    position += piece;
  }
  return size;
}

std::uint64_t log_end() {
  SpinGuard guard(lock);
  return state.end;
}

void ignore_log_lock() { lock_ignored = true; }

}  // namespace cv6
