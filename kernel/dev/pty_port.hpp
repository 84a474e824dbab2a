// What is between the two ends of a pseudo terminal, pty(7): a port (port.hpp) behind which there is no device, but a
// program that holds the other end, the master. The terminal (tty.hpp) sits on it as it does on the console's.
//
//   master  ──send()──►  sent  ──Port::read()──►  terminal (line discipline)  ◄──►  programs, "slaves"
//           ◄─receive()─ output ◄─Port::write()─
//
// Instead of being kept for receive(), output may go to a listener as it comes: then the terminal never waits for anybody.
//
// One spin lock covers both rings and who is there. It is taken with the terminal's lock held (Port's functions) or
// without (the master's functions, which tell the terminal of what has changed after unlocking).
#pragma once

#include <array>

#include "dev/port.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

// A ring of bytes, without a lock of its own.
class ByteRing {
 public:
  static constexpr std::size_t capacity = 4000;

  std::size_t used() const { return end_ - begin_; }
  std::size_t room() const { return capacity - used(); }
  std::size_t put(std::span<const char> from);  // how many found room
  std::size_t take(std::span<char> to);
  void clear() { begin_ = end_; }

 private:
  template <class Copy>
  std::size_t move(std::size_t& position, std::size_t count, Copy copy);

  std::size_t begin_ = 0, end_ = 0;  // positions count up forever
  std::array<char, capacity> bytes_;
};

class PtyPort final : public Port {
 public:
  // Called with the terminal's lock held, so it must not wait; never again once close() has returned.
  class Listener {
   public:
    virtual void output(std::span<const char> text) = 0;

   protected:
    ~Listener() = default;
  };

  // --- the terminal's side ----------------------------------------------------------------------------------------------
  std::string_view name() const override { return "pty"; }
  bool is_console() const override { return false; }
  Result<std::size_t> read(std::span<char> to) override;
  Result<std::size_t> write(std::span<const char> from) override;
  bool readable() const override;
  bool writable() const override;
  bool other_end_open() const override;
  bool drained() override { return true; }  // as on Linux: what the master has not read yet has been sent
  void drain() override {}
  void discard_input() override;
  void discard_output() override;

  // --- the master's side ------------------------------------------------------------------------------------------------
  // As if typed. How many bytes found room; Error::again: none. Error::io: the master is closed (who holds it in common with
  // others may still try).
  Result<std::size_t> send(std::span<const char> bytes);
  bool can_send() const;
  // What has been printed. Error::again: nothing.
  Result<std::size_t> receive(std::span<char> to);
  std::size_t waiting() const;
  // The master is gone: the terminal is hung up.
  void close();
  // Before anything is printed.
  void set_listener(Listener& listener);

  // How many have the slave's end open. It is gone when there was one and there is none now.
  void slave_opened();
  void slave_closed();
  bool slave_gone() const;

  WaitQueue& master_queue() { return master_queue_; }  // all that the master may wait for

 private:
  void tell_of_input() {
    if (on_input) on_input(*this, context);
  }
  void tell_of_room();

  mutable SpinLock lock_{Rank::port};
  ByteRing sent_ GUARDED_BY(lock_);
  ByteRing output_ GUARDED_BY(lock_);
  Listener* listener_ GUARDED_BY(lock_) = nullptr;
  unsigned slaves_ GUARDED_BY(lock_) = 0;
  bool slave_seen_ GUARDED_BY(lock_) = false;
  bool open_ GUARDED_BY(lock_) = true;
  WaitQueue master_queue_;
};

}  // namespace cv6
