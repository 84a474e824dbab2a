// A terminal: a port, with the line discipline between it and the programs. Sessions and foreground groups are a matter
// of processes and live above (task/terminal.hpp), which is told of signals and hang-ups through `Owner`.
//
// Input is taken from the port as it comes, in the interrupt, so that ^C works while nobody reads; what programs are slow
// to read stays with the device. Nothing here blocks except wait-queue waits of the caller's.
#pragma once

#include "dev/line_discipline.hpp"
#include "dev/port.hpp"
#include "sched/mutex.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

struct WindowSize {  // struct winsize
  std::uint16_t rows = 24, columns = 80, width = 0, height = 0;
  bool operator==(const WindowSize&) const = default;
};

class Tty final : private LineDiscipline::Sink {
 public:
  // Who cares for the processes of the terminal. Called without locks, possibly from the interrupt.
  class Owner {
   public:
    virtual void signal_foreground(TerminalSignal signal) = 0;
    virtual void hung_up() = 0;
    virtual void window_size_changed() = 0;

   protected:
    ~Owner() = default;
  };

  // Takes the port's input over from here on.
  explicit Tty(Port& port, const WindowSize& window = {});
  void set_owner(Owner& owner);

  // What a reader gets now; Error::again: nothing yet. 0: end of file (^D on an empty line, or hung up).
  Result<LineDiscipline::Taken> read(std::span<char> to);
  // Would read() not say again? `minimum`: VMIN, for non-canonical mode.
  bool readable(std::size_t minimum);
  // Output processing and on to the port: how many bytes of `from` were dealt with; Error::again: none, wait for writable().
  // Error::io: hung up.
  Result<std::size_t> write(std::string_view from);
  bool writable();

  Termios settings();
  enum class When : std::uint8_t { now, drained, drained_and_flushed };  // TCSANOW, TCSADRAIN, TCSAFLUSH
  Result<void> set(const Termios& termios, When when);  // Error::intr, if it has to wait
  std::size_t available();
  void discard_input();
  void discard_output();
  Result<void> drain();  // until the device has taken all output; Error::intr
  enum class Flow : std::uint8_t { stop, start };
  void set_flow(Flow flow);

  WindowSize window_size();
  void set_window_size(const WindowSize& size);
  bool hung_up();

  WaitQueue& became_readable() { return became_readable_; }
  WaitQueue& became_writable() { return port_.became_writable; }
  // Held by a program's write from beginning to end, so that lines of several writers do not mix.
  Mutex& write_mutex() { return write_mutex_; }

 private:
  void echo(std::string_view bytes) override;
  void signal(TerminalSignal signal) override;
  void take_input();
  bool stage(std::string_view bytes) REQUIRES(lock_);
  void flush() REQUIRES(lock_);

  Port& port_;
  Owner* owner_ = nullptr;
  WaitQueue became_readable_;
  Mutex write_mutex_;
  SpinLock lock_{Rank::tty};
  LineDiscipline discipline_ GUARDED_BY(lock_){*this};
  WindowSize window_ GUARDED_BY(lock_);
  bool was_open_ GUARDED_BY(lock_) = false;
  bool hung_up_ GUARDED_BY(lock_) = false;
  bool output_held_ GUARDED_BY(lock_) = false;  // tcflow(TCOOFF)
  unsigned signals_ GUARDED_BY(lock_) = 0;      // to be sent when the lock is released; bit n: TerminalSignal n
  // Processed output on its way to the port; echo that finds it full is lost.
  static constexpr std::size_t staging_size = 1024;
  char staged_[staging_size] GUARDED_BY(lock_);
  std::size_t staged_begin_ GUARDED_BY(lock_) = 0, staged_end_ GUARDED_BY(lock_) = 0;
};

}  // namespace cv6
