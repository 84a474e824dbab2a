#include "dev/pty_port.hpp"

#include <algorithm>

namespace cv6 {

// Moves `count` bytes from `position` on, which goes with them: copy(place in the ring, bytes done before, size) for the
// part up to the ring's end and the one from its start.
template <class Copy>
std::size_t ByteRing::move(std::size_t& position, std::size_t count, Copy copy) {
  for (std::size_t done = 0; done < count;) {
    const std::size_t at = position % capacity, piece = std::min(count - done, capacity - at);
    copy(bytes_.data() + at, done, piece);
    done += piece;
    position += piece;
  }
  return count;
}

std::size_t ByteRing::put(std::span<const char> from) {
  return move(end_, std::min(from.size(), room()), [&](char* place, std::size_t done, std::size_t size) {
    std::copy_n(from.data() + done, size, place);
  });
}

std::size_t ByteRing::take(std::span<char> to) {
  return move(begin_, std::min(to.size(), used()), [&](const char* place, std::size_t done, std::size_t size) {
    std::copy_n(place, size, to.data() + done);
  });
}

// --- the terminal's side ------------------------------------------------------------------------------------------------

Result<std::size_t> PtyPort::read(std::span<char> to) {
  std::size_t count;
  {
    SpinGuard guard(lock_);
    count = sent_.take(to);
    if (count == 0) return open_ ? Result<std::size_t>(Error::again) : Result<std::size_t>(0);
  }
  master_queue_.wake_all();
  return count;
}

Result<std::size_t> PtyPort::write(std::span<const char> from) {
  Listener* listener;
  {
    SpinGuard guard(lock_);
    if (!open_) return from.size();
    listener = listener_;
    if (!listener) {
      const std::size_t count = output_.put(from);
      if (count == 0) return Error::again;
      from = from.first(count);
    }
  }
  if (listener) listener->output(from);
  else master_queue_.wake_all();
  return from.size();
}

bool PtyPort::readable() const {
  SpinGuard guard(lock_);
  return sent_.used() != 0 || !open_;
}

bool PtyPort::writable() const {
  SpinGuard guard(lock_);
  return output_.room() != 0 || !open_;
}

bool PtyPort::other_end_open() const {
  SpinGuard guard(lock_);
  return open_;
}

void PtyPort::discard_input() {
  {
    SpinGuard guard(lock_);
    sent_.clear();
  }
  master_queue_.wake_all();
}

void PtyPort::discard_output() {
  SpinGuard guard(lock_);
  output_.clear();
}

// --- the master's side --------------------------------------------------------------------------------------------------

Result<std::size_t> PtyPort::send(std::span<const char> bytes) {
  std::size_t count;
  {
    SpinGuard guard(lock_);
    if (!open_) return Error::io;
    count = sent_.put(bytes);
  }
  if (count == 0 && !bytes.empty()) return Error::again;
  tell_of_input();
  return count;
}

bool PtyPort::can_send() const {
  SpinGuard guard(lock_);
  return sent_.room() != 0 || !open_;
}

Result<std::size_t> PtyPort::receive(std::span<char> to) {
  std::size_t count;
  {
    SpinGuard guard(lock_);
    count = output_.take(to);
  }
  if (count == 0) return Error::again;
  tell_of_room();
  return count;
}

std::size_t PtyPort::waiting() const {
  SpinGuard guard(lock_);
  return output_.used();
}

void PtyPort::tell_of_room() {
  if (on_room) on_room(*this, context);
  became_writable.wake_all();
}

void PtyPort::close() {
  {
    SpinGuard guard(lock_);
    open_ = false;
  }
  tell_of_input();  // takes the terminal's lock: who is in write() has left it then
  tell_of_room();
  master_queue_.wake_all();
}

void PtyPort::set_listener(Listener& listener) {
  SpinGuard guard(lock_);
  listener_ = &listener;
}

void PtyPort::slave_opened() {
  SpinGuard guard(lock_);
  ++slaves_;
  slave_seen_ = true;
}

void PtyPort::slave_closed() {
  {
    SpinGuard guard(lock_);
    if (--slaves_ != 0) return;
  }
  master_queue_.wake_all();
}

bool PtyPort::slave_gone() const {
  SpinGuard guard(lock_);
  return slave_seen_ && slaves_ == 0;
}

}  // namespace cv6
