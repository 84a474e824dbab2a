#include "dev/line_discipline.hpp"

namespace cv6 {

namespace {

constexpr char disabled = '\0';  // _POSIX_VDISABLE
constexpr unsigned tab_stop = 8;

bool is_control(char byte) { return static_cast<unsigned char>(byte) < 32 || byte == 127; }
bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }
bool is_word(char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
         static_cast<unsigned char>(byte) >= 128;
}

}  // namespace

void LineDiscipline::set(const Termios& termios) {
  const bool was_canonical = termios_.is(Termios::icanon);
  termios_ = termios;
  if (was_canonical != termios_.is(Termios::icanon)) committed_ = end_;  // what there is may be read either way
  if (!termios_.is(Termios::ixon)) stopped_ = false;
}

bool LineDiscipline::is_special(char byte, Termios::Character which) const {
  const char special = static_cast<char>(termios_.characters[which]);
  return byte == special && special != disabled;
}

void LineDiscipline::receive(char byte) {
  if (termios_.is(Termios::istrip)) byte &= 0x7f;
  if (!literal_next_) {
    if (take_signal(byte) || take_flow_control(byte)) return;
    if (byte == '\r') {
      if (termios_.is(Termios::igncr)) return;
      if (termios_.is(Termios::icrnl)) byte = '\n';
    } else if (byte == '\n' && termios_.is(Termios::inlcr)) {
      byte = '\r';
    }
    if (termios_.is(Termios::icanon) && take_editing(byte)) return;
  }
  literal_next_ = false;
  if (end_ == committed_) line_column_ = column_;
  if (end_ - read_ >= capacity - 1) {
    if (termios_.is(Termios::imaxbel)) sink_.echo("\a");
    return;
  }
  echo_character(byte);
  store(byte, false);
  if (!termios_.is(Termios::icanon)) committed_ = end_;
}

bool LineDiscipline::take_signal(char byte) {
  if (!termios_.is(Termios::isig)) return false;
  TerminalSignal signal;
  if (is_special(byte, Termios::vintr))
    signal = TerminalSignal::interrupt;
  else if (is_special(byte, Termios::vquit))
    signal = TerminalSignal::quit;
  else if (is_special(byte, Termios::vsusp))
    signal = TerminalSignal::suspend;
  else
    return false;
  if (!termios_.is(Termios::noflsh)) discard_input();
  stopped_ = false;
  echo_character(byte);
  sink_.signal(signal);
  return true;
}

bool LineDiscipline::take_flow_control(char byte) {
  if (!termios_.is(Termios::ixon)) return false;
  if (is_special(byte, Termios::vstop)) {
    stopped_ = true;
    return true;
  }
  if (is_special(byte, Termios::vstart)) {
    stopped_ = false;
    return true;
  }
  if (termios_.is(Termios::ixany)) stopped_ = false;
  return false;
}

// Canonical mode: what edits or ends the line.
bool LineDiscipline::take_editing(char byte) {
  const bool extended = termios_.is(Termios::iexten);
  if (is_special(byte, Termios::verase)) {
    erase_character();
  } else if (is_special(byte, Termios::vkill)) {
    erase_line();
  } else if (extended && is_special(byte, Termios::vwerase)) {
    erase_word();
  } else if (extended && is_special(byte, Termios::vreprint)) {
    reprint();
  } else if (extended && is_special(byte, Termios::vlnext)) {
    literal_next_ = true;
    if (termios_.is(Termios::echo) && termios_.is(Termios::echoctl)) echo_bytes("^\b");
  } else if (byte == '\n') {
    if (termios_.is(Termios::echo) || termios_.is(Termios::echonl)) echo_bytes("\n");
    store(byte, true);
  } else if (is_special(byte, Termios::veof)) {
    store(disabled, true);  // ends the line, and is not part of it
  } else if (is_special(byte, Termios::veol) || (extended && is_special(byte, Termios::veol2))) {
    echo_character(byte);
    store(byte, true);
  } else {
    return false;
  }
  return true;
}

// The end of a line finds room where another character does not; but what is full of lines is full.
void LineDiscipline::store(char byte, bool ends_line) {
  if (end_ - read_ == capacity) return;
  at(end_) = byte;
  ends_line_[end_ % capacity] = ends_line;
  ++end_;
  if (ends_line) committed_ = end_;
}

bool LineDiscipline::readable(std::size_t minimum) const {
  if (termios_.is(Termios::icanon)) return committed_ != read_;
  return committed_ - read_ >= minimum && (committed_ != read_ || minimum == 0);
}

LineDiscipline::Taken LineDiscipline::read(std::span<char> to) {
  std::size_t count = 0;
  bool last = false;
  while (count < to.size() && read_ != committed_) {
    last = ends_line_[read_ % capacity];
    const char byte = at(read_);
    ends_line_[read_ % capacity] = false;
    ++read_;
    if (last && byte == disabled) break;
    to[count++] = byte;
    if (last && termios_.is(Termios::icanon)) break;
  }
  // A line that filled the buffer exactly leaves its ^D behind: it ends this line, not the next read.
  if (count && count == to.size() && !last && read_ != committed_ && ends_line_[read_ % capacity] && at(read_) == disabled) {
    ends_line_[read_ % capacity] = false;
    ++read_;
    last = true;
  }
  return {count, last && termios_.is(Termios::icanon)};
}

std::size_t LineDiscipline::available() const {
  if (!termios_.is(Termios::icanon)) return committed_ - read_;
  std::size_t count = 0;
  for (std::size_t position = read_; position != committed_; ++position)
    if (!(ends_line_[position % capacity] && at(position) == disabled)) ++count;
  return count;
}

void LineDiscipline::discard_input() {
  read_ = committed_ = end_;
  ends_line_.reset();
  literal_next_ = false;
}

// --- editing --------------------------------------------------------------------------------------------------------

// How far the character at `position` of the line moved the cursor. A tab looks no further back than to the one before it,
// which ended at a tab stop: so it takes a line's length to go through all of a line.
unsigned LineDiscipline::columns_of(std::size_t position) const {
  const char byte = at(position);
  if (byte == '\t') {
    unsigned column = 0;
    std::size_t first = position;
    for (; first != committed_ && at(first - 1) != '\t'; --first) column += columns_of(first - 1);
    if (first == committed_) column += line_column_;
    return tab_stop - column % tab_stop;
  }
  if (is_control(byte)) return termios_.is(Termios::echoctl) ? 2 : 0;
  return termios_.is(Termios::iutf8) && is_continuation(byte) ? 0 : 1;
}

void LineDiscipline::erase_character() {
  if (end_ == committed_) return;
  unsigned columns = 0;
  char byte;
  do {
    columns += columns_of(end_ - 1);
    byte = remove_last();
  } while (termios_.is(Termios::iutf8) && is_continuation(byte) && end_ != committed_);
  if (!termios_.is(Termios::echo)) return;
  if (termios_.is(Termios::echoe))
    echo_erasure(columns);
  else
    echo_character(static_cast<char>(termios_.characters[Termios::verase]));
}

void LineDiscipline::erase_word() {
  unsigned columns = 0;
  bool in_word = false;
  while (end_ != committed_) {
    const bool word = is_word(at(end_ - 1));
    if (in_word && !word) break;
    in_word |= word;
    columns += columns_of(end_ - 1);
    remove_last();
  }
  if (termios_.is(Termios::echo)) echo_erasure(columns);
}

void LineDiscipline::erase_line() {
  const bool by_erasing = termios_.is(Termios::echok) && termios_.is(Termios::echoke) && termios_.is(Termios::echoe);
  unsigned columns = 0;
  while (end_ != committed_) {
    columns += columns_of(end_ - 1);
    remove_last();
  }
  if (!termios_.is(Termios::echo)) return;
  if (by_erasing) return echo_erasure(columns);
  echo_character(static_cast<char>(termios_.characters[Termios::vkill]));
  if (termios_.is(Termios::echok)) echo_bytes("\n");
}

void LineDiscipline::reprint() {
  if (!termios_.is(Termios::echo)) return;
  echo_character(static_cast<char>(termios_.characters[Termios::vreprint]));
  echo_bytes("\n");
  line_column_ = 0;
  for (std::size_t position = committed_; position != end_; ++position) echo_character(at(position));
}

// --- echo and output ------------------------------------------------------------------------------------------------

void LineDiscipline::echo_bytes(std::string_view bytes) {
  process_output(bytes, [&](std::string_view piece) {
    sink_.echo(piece);
    return true;
  });
}

void LineDiscipline::echo_character(char byte) {
  if (!termios_.is(Termios::echo)) return;
  if (termios_.is(Termios::echoctl) && is_control(byte) && byte != '\t' && byte != '\n') {
    const char caret[2] = {'^', static_cast<char>(byte ^ 0x40)};
    return echo_bytes({caret, 2});
  }
  echo_bytes({&byte, 1});
}

void LineDiscipline::echo_erasure(unsigned columns) {
  while (columns--) echo_bytes("\b \b");
}

// The bytes at the beginning that output processing leaves as they are.
std::size_t LineDiscipline::plain_prefix(std::string_view text) const {
  if (!termios_.is(Termios::opost)) return text.size();
  std::size_t count = 0;
  while (count < text.size() && text[count] != '\n' && text[count] != '\r' && text[count] != '\t' &&
         !(termios_.is(Termios::olcuc) && text[count] >= 'a' && text[count] <= 'z'))
    ++count;
  return count;
}

std::string_view LineDiscipline::translate(char byte, std::span<char> to) {
  std::size_t count = 0;
  switch (byte) {
    case '\n':
      if (termios_.is(Termios::onlcr)) to[count++] = '\r';
      if (termios_.is(Termios::onlcr) || termios_.is(Termios::onlret)) column_ = 0;
      to[count++] = '\n';
      break;
    case '\r':
      if (termios_.is(Termios::onocr) && column_ == 0) break;
      to[count++] = termios_.is(Termios::ocrnl) ? '\n' : '\r';
      if (!termios_.is(Termios::ocrnl) || termios_.is(Termios::onlret)) column_ = 0;
      break;
    case '\t': {
      const unsigned width = tab_stop - column_ % tab_stop;
      column_ += width;
      if ((termios_.output & Termios::xtabs) == Termios::xtabs)
        while (count < width) to[count++] = ' ';
      else
        to[count++] = '\t';
      break;
    }
    default:
      to[count++] = static_cast<char>(byte - 'a' + 'A');
      ++column_;
  }
  return {to.data(), count};
}

void LineDiscipline::advance_column(std::string_view text) {
  for (char byte : text) {
    if (byte == '\b')
      column_ -= column_ > 0;
    else if (!is_control(byte) && !(termios_.is(Termios::iutf8) && is_continuation(byte)))
      ++column_;
  }
}

}  // namespace cv6
