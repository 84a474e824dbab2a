// The terminal line discipline: what stands between the bytes of a terminal and the programs that read and write it
// (termios(3)). Editing of the current line, echo, special characters, translation of line ends.
//
// Pure logic: bytes go in, and out come echo (to a Sink), signals (to the Sink) and lines for readers. The owner (Tty)
// holds its lock around every call and does all waiting.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace cv6 {

// As struct termios of the Linux ABI has it (asm-generic/termbits.h), flags with their values there.
struct Termios {
  enum Input : std::uint32_t {
    ignbrk = 01, brkint = 02, istrip = 040, inlcr = 0100, igncr = 0200, icrnl = 0400, ixon = 02000, ixany = 04000,
    ixoff = 010000, imaxbel = 020000, iutf8 = 040000
  };
  enum Output : std::uint32_t { opost = 01, olcuc = 02, onlcr = 04, ocrnl = 010, onocr = 020, onlret = 040, xtabs = 014000 };
  enum Control : std::uint32_t { b38400 = 017, cs8 = 060, cread = 0200 };
  enum Local : std::uint32_t {
    isig = 01, icanon = 02, echo = 010, echoe = 020, echok = 040, echonl = 0100, noflsh = 0200, tostop = 0400,
    echoctl = 01000, echoprt = 02000, echoke = 04000, iexten = 0100000
  };
  enum Character : std::uint8_t {
    vintr, vquit, verase, vkill, veof, vtime, vmin, vswtc, vstart, vstop, vsusp, veol, vreprint, vdiscard, vwerase,
    vlnext, veol2
  };

  std::uint32_t input = icrnl | ixon | iutf8;
  std::uint32_t output = opost | onlcr;
  std::uint32_t control = b38400 | cs8 | cread;
  std::uint32_t local = isig | icanon | echo | echoe | echok | echoctl | echoke | iexten;
  std::uint8_t line = 0;
  std::uint8_t characters[19] = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0};

  bool is(Local flag) const { return local & flag; }
  bool is(Input flag) const { return input & flag; }
  bool is(Output flag) const { return output & flag; }
};
static_assert(sizeof(Termios) == 36);

enum class TerminalSignal : std::uint8_t { interrupt, quit, suspend };

class LineDiscipline {
 public:
  class Sink {
   public:
    virtual void echo(std::string_view bytes) = 0;  // after output processing
    virtual void signal(TerminalSignal signal) = 0;  // to the foreground group

   protected:
    ~Sink() = default;
  };

  static constexpr std::size_t capacity = 4096;

  explicit LineDiscipline(Sink& sink) : sink_(sink) {}

  const Termios& settings() const { return termios_; }
  void set(const Termios& termios);

  // A byte has come from the terminal. What finds no room is lost, and rings the bell.
  void receive(char byte);
  // How many bytes may come without loss. A line that is too long does not stop input: nobody could end it. But its end may
  // be the next byte, and what is behind that is not to be lost: one at a time then.
  std::size_t room() const {
    const std::size_t used = end_ - read_;
    if (used < capacity - 1) return capacity - 1 - used;
    return termios_.is(Termios::icanon) && committed_ == read_ ? 1 : 0;
  }

  // What read(2) may return now. In canonical mode: at most one line; 0 bytes: ^D on an empty line.
  bool readable(std::size_t minimum) const;  // minimum: non-canonical only
  struct Taken {
    std::size_t count;
    bool line_ended;  // canonical mode: with the last byte, or ^D behind it
  };
  Taken read(std::span<char> to);
  std::size_t available() const;  // FIONREAD
  void discard_input();

  // Output processing of what a program writes (or of echo): calls put() with pieces. Returns how many bytes of `from` were
  // dealt with: put() answers false when it took nothing and the rest must wait.
  template <class Put>
  std::size_t process_output(std::string_view from, Put put) {
    char translated[8];
    for (std::size_t done = 0; done < from.size();) {
      const std::size_t plain = plain_prefix(from.substr(done));
      if (plain) {
        if (!put(from.substr(done, plain))) return done;
        advance_column(from.substr(done, plain));
        done += plain;
        continue;
      }
      const unsigned column = column_;
      const std::string_view bytes = translate(from[done], translated);
      if (!bytes.empty() && !put(bytes)) {
        column_ = column;
        return done;
      }
      ++done;
    }
    return from.size();
  }

  // ^S has stopped output; ^Q lets it go on.
  bool output_stopped() const { return stopped_; }

 private:
  bool is_special(char byte, Termios::Character which) const;
  bool take_signal(char byte);
  bool take_flow_control(char byte);
  bool take_editing(char byte);
  void store(char byte, bool ends_line);
  void erase_character();
  void erase_word();
  void erase_line();
  void reprint();
  char remove_last() { return at(--end_); }
  void echo_bytes(std::string_view bytes);
  void echo_character(char byte);
  void echo_erasure(unsigned columns);
  unsigned columns_of(std::size_t position) const;
  char& at(std::size_t position) { return buffer_[position % capacity]; }
  char at(std::size_t position) const { return buffer_[position % capacity]; }

  std::size_t plain_prefix(std::string_view text) const;
  std::string_view translate(char byte, std::span<char> to);
  void advance_column(std::string_view text);

  Sink& sink_;
  Termios termios_;
  // Positions count up forever. [read_, committed_) may be read; [committed_, end_) is the line being edited.
  std::size_t read_ = 0;
  std::size_t committed_ = 0;
  std::size_t end_ = 0;
  char buffer_[capacity] = {};
  std::bitset<capacity> ends_line_;  // the byte at this position is the last of a line
  bool literal_next_ = false;        // after ^V
  bool stopped_ = false;
  unsigned column_ = 0;       // where the cursor is
  unsigned line_column_ = 0;  // where it was when the line being edited began
};

}  // namespace cv6
