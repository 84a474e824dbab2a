#include "dev/tty.hpp"

#include <cstring>

namespace cv6 {

Tty::Tty(Port& port, const WindowSize& window) : port_(port), window_(window) {
  port_.context = this;
  port_.on_room = [](Port&, void* context) {
    auto& self = *static_cast<Tty*>(context);
    SpinGuard guard(self.lock_);
    self.flush();
  };
  port_.on_input = [](Port&, void* context) { static_cast<Tty*>(context)->take_input(); };
  take_input();
}

void Tty::set_owner(Owner& owner) { owner_ = &owner; }

// --- input ----------------------------------------------------------------------------------------------------------

void Tty::take_input() {
  unsigned signals = 0;
  bool hang_up = false;
  {
    SpinGuard guard(lock_);
    char bytes[64];
    while (std::size_t room = discipline_.room()) {
      Result<std::size_t> count = port_.read(std::span(bytes).first(room < sizeof bytes ? room : sizeof bytes));
      if (!count || *count == 0) break;
      for (char byte : std::string_view(bytes, *count)) discipline_.receive(byte);
    }
    flush();
    const bool open = port_.other_end_open();
    hang_up = was_open_ && !open && !hung_up_;
    was_open_ = open;
    hung_up_ |= hang_up;
    std::swap(signals, signals_);
  }
  became_readable_.wake_all();
  port_.became_writable.wake_all();  // ^Q
  if (!owner_) return;
  for (TerminalSignal signal : {TerminalSignal::interrupt, TerminalSignal::quit, TerminalSignal::suspend})
    if (signals & 1u << static_cast<unsigned>(signal)) owner_->signal_foreground(signal);
  if (hang_up) owner_->hung_up();
}

void Tty::signal(TerminalSignal signal) NO_THREAD_SAFETY_ANALYSIS { signals_ |= 1u << static_cast<unsigned>(signal); }

Result<LineDiscipline::Taken> Tty::read(std::span<char> to) {
  LineDiscipline::Taken taken;
  {
    SpinGuard guard(lock_);
    if (!discipline_.readable(1)) {
      if (hung_up_) return LineDiscipline::Taken{0, true};
      return Error::again;
    }
    taken = discipline_.read(to);
  }
  take_input();  // there is room again for what the device kept
  return taken;
}

bool Tty::readable(std::size_t minimum) {
  SpinGuard guard(lock_);
  return hung_up_ || discipline_.readable(minimum);
}

std::size_t Tty::available() {
  SpinGuard guard(lock_);
  return discipline_.available();
}

void Tty::discard_input() {
  {
    SpinGuard guard(lock_);
    port_.discard_input();
    discipline_.discard_input();
  }
  take_input();  // there is room for what the port keeps
}

void Tty::discard_output() {
  {
    SpinGuard guard(lock_);
    staged_begin_ = staged_end_ = 0;
    port_.discard_output();
  }
  port_.became_writable.wake_all();
}

// --- output ---------------------------------------------------------------------------------------------------------

bool Tty::stage(std::string_view bytes) {
  if (staged_begin_ == staged_end_) staged_begin_ = staged_end_ = 0;
  if (bytes.size() > staging_size - staged_end_) return false;
  std::memcpy(staged_ + staged_end_, bytes.data(), bytes.size());
  staged_end_ += bytes.size();
  return true;
}

void Tty::flush() {
  while (staged_begin_ != staged_end_) {
    Result<std::size_t> taken = port_.write({staged_ + staged_begin_, staged_end_ - staged_begin_});
    if (!taken) {
      if (port_.writable()) continue;
      return;  // on_room goes on
    }
    staged_begin_ += *taken;
  }
}

void Tty::echo(std::string_view bytes) NO_THREAD_SAFETY_ANALYSIS {
  if (!stage(bytes)) {
    flush();
    (void)stage(bytes);
  }
}

Result<std::size_t> Tty::write(std::string_view from) {
  SpinGuard guard(lock_);
  if (hung_up_) return Error::io;
  if (discipline_.output_stopped() || output_held_) return Error::again;
  flush();
  std::size_t done = 0;
  while (done < from.size()) {
    // Pieces that fit into an empty stage, which the port then takes whole or in part.
    const std::size_t piece = from.size() - done < staging_size / 2 ? from.size() - done : staging_size / 2;
    const std::size_t dealt_with =
        discipline_.process_output(from.substr(done, piece), [&](std::string_view bytes) NO_THREAD_SAFETY_ANALYSIS { return stage(bytes); });
    done += dealt_with;
    flush();
    if (dealt_with == 0) break;
  }
  if (done == 0) return Error::again;
  return done;
}

bool Tty::writable() {
  SpinGuard guard(lock_);
  return hung_up_ || (!discipline_.output_stopped() && !output_held_ && port_.writable());
}

Result<void> Tty::drain() {
  return port_.became_writable.wait([&] {
    SpinGuard guard(lock_);
    return staged_begin_ == staged_end_ && port_.drained();
  });
}

void Tty::set_flow(Flow flow) {
  {
    SpinGuard guard(lock_);
    output_held_ = flow == Flow::stop;
  }
  port_.became_writable.wake_all();
}

// --- settings -------------------------------------------------------------------------------------------------------

Termios Tty::settings() {
  SpinGuard guard(lock_);
  return discipline_.settings();
}

Result<void> Tty::set(const Termios& termios, When when) {
  if (when != When::now) TRY(drain());
  if (when == When::drained_and_flushed) discard_input();
  {
    SpinGuard guard(lock_);
    discipline_.set(termios);
  }
  became_readable_.wake_all();  // an unfinished line may be readable now
  port_.became_writable.wake_all();
  return {};
}

WindowSize Tty::window_size() {
  SpinGuard guard(lock_);
  return window_;
}

void Tty::set_window_size(const WindowSize& size) {
  {
    SpinGuard guard(lock_);
    if (window_ == size) return;
    window_ = size;
  }
  if (owner_) owner_->window_size_changed();
}

bool Tty::hung_up() {
  SpinGuard guard(lock_);
  return hung_up_;
}

}  // namespace cv6
