#include "fs/kernel_log_file.hpp"

#include <algorithm>
#include <optional>

#include "arch/clock.hpp"
#include "lib/string.hpp"
#include "mm/payer.hpp"
#include "sched/wait_queue.hpp"
#include "sync/log.hpp"

namespace cv6 {

namespace {

constexpr std::size_t line_max = 320;
// The log is written where nobody may be woken, so a reader looks again from time to time.
constexpr Nanoseconds look_again_after = 100 * nanoseconds_per_millisecond;

// A line of the ring, "<6>[    1.000234] text", taken apart.
struct Line {
  std::uint64_t level, microseconds;
  std::string_view text;
};

std::optional<Line> parse_line(std::string_view line) {
  const std::size_t open = line.find('[');
  const std::size_t point = line.find('.');
  const std::size_t close = line.find("] ");
  if (!line.starts_with('<') || open != 3 || close == std::string_view::npos || point > close) return std::nullopt;
  std::string_view seconds = line.substr(open + 1, point - open - 1);
  while (seconds.starts_with(' ')) seconds.remove_prefix(1);
  const auto level = parse_unsigned(line.substr(1, 1), 10);
  const auto whole = parse_unsigned(seconds, 10);
  const auto fraction = parse_unsigned(line.substr(point + 1, close - point - 1), 10);
  if (!level || !whole || !fraction) return std::nullopt;
  return Line{*level, *whole * 1'000'000 + *fraction, line.substr(close + 2)};
}

class KernelLogFile final : public File, public Charged<KernelLogFile, "kernel_log_file"> {
 public:
  explicit KernelLogFile(Ref<Inode> node) : File(std::move(node), Positions::seekable) {}

  PollEvents poll(PollWaiters* waiters) override {
    if (waiters) waiters->watch(never_woken_);
    return static_cast<PollEvents>((next_ < log_end() ? poll_event::readable : 0) | poll_event::writable);
  }

 protected:
  // The position is the File's own: offsets mean nothing here. The position mutex is held.
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t offset) override;
  Result<std::size_t> do_write(IoBuffer& from, std::uint64_t offset, std::uint64_t size_limit) override;
  Result<std::uint64_t> do_seek(std::int64_t offset, Seek from) override;

 private:
  Result<void> wait_for_line();

  std::uint64_t next_ = 0;
  WaitQueue never_woken_;
};

Result<void> KernelLogFile::wait_for_line() {
  while (next_ >= log_end()) {
    if (nonblocking()) return Error::again;
    const Result<void> outcome = never_woken_.wait([this] { return next_ < log_end(); }, Wait::interruptible,
                                                   arch::monotonic_now() + look_again_after);
    if (!outcome && outcome.error() == Error::intr) return Error::restart_if_asked;
  }
  return {};
}

Result<std::size_t> KernelLogFile::do_read(IoBuffer& to, std::uint64_t) {
  while (true) {
    TRY(wait_for_line());
    char bytes[line_max];
    std::uint64_t after = next_;
    const std::size_t size = read_log(after, bytes);
    const std::uint64_t start = after - size;  // later than next_ if the ring has run over it
    const std::string_view read(bytes, size);
    const std::size_t end = read.find('\n');
    const std::size_t taken = end == std::string_view::npos ? size : end + 1;
    const std::optional<Line> line = parse_line(read.substr(0, end));
    if (!line) {  // the rest of a line whose beginning is lost
      next_ = start + taken;
      continue;
    }
    char record[line_max + 64];
    const std::string_view text =
        format_to(record, "{},{},{},-;{}\n", line->level, start, line->microseconds, line->text);
    if (to.remaining() < text.size()) return Error::inval;
    const std::size_t count = TRY(to.put(text.data(), text.size()));
    next_ = start + taken;
    return count;
  }
}

// "<5>text", or just text.
Result<std::size_t> KernelLogFile::do_write(IoBuffer& from, std::uint64_t, std::uint64_t) {
  const std::size_t size = from.remaining();
  char bytes[224];
  std::string_view text(bytes, TRY(from.take(bytes, std::min(size, sizeof bytes))));
  LogLevel level = LogLevel::notice;
  if (text.size() > 3 && text[0] == '<' && text[1] >= '0' && text[1] <= '7' && text[2] == '>') {
    level = std::max(static_cast<LogLevel>(text[1] - '0'), LogLevel::error);
    text.remove_prefix(3);
  }
  while (text.ends_with('\n')) text.remove_suffix(1);
  log(level, "{}", text);
  return size;
}

Result<std::uint64_t> KernelLogFile::do_seek(std::int64_t offset, Seek from) {
  if (offset != 0) return Error::spipe;
  if (from == Seek::set || from == Seek::data)
    next_ = 0;
  else if (from == Seek::end)
    next_ = log_end();
  else
    return Error::inval;
  return 0;
}

}  // namespace

Result<Ref<File>> open_kernel_log(Inode& node) { return Ref<File>(TRY(make<KernelLogFile>(Ref<Inode>(&node)))); }

}  // namespace cv6
