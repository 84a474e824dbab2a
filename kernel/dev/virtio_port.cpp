#include "dev/virtio_port.hpp"

#include <algorithm>
#include <cstring>

#include "arch/clock.hpp"
#include "mm/frame.hpp"
#include "sync/log.hpp"

namespace cv6 {

namespace {

using For = Virtqueue::Buffer::For;
using Interrupts = Virtqueue::Interrupts;

constexpr unsigned order_for(std::size_t bytes) {
  unsigned order = 0;
  while (page_size << order < bytes) ++order;
  return order;
}

}  // namespace

Result<void> VirtioPort::start() {
  Frame* received = TRY(frames::take(order_for(receive_buffers * receive_buffer_size), FrameUse::kernel, Fill::garbage));
  Result<Frame*> ring = frames::take(order_for(ring_size), FrameUse::kernel, Fill::garbage);
  if (!ring) {
    frames::give(received);
    return ring.error();
  }
  receive_memory_ = static_cast<char*>(received->data());
  ring_ = static_cast<char*>((*ring)->data());
  SpinGuard guard(lock_);
  transmit_.set_interrupts(Interrupts::off);
  for (unsigned i = 0; i < receive_buffers; ++i) give_receive_buffer(i);
  publish(receive_, receive_index_);
  return {};
}

void VirtioPort::publish(Virtqueue& queue, std::uint16_t index) {
  if (queue.publish()) device_.notify(index);
}

void VirtioPort::give_receive_buffer(unsigned number) {
  const Virtqueue::Buffer buffer{arch::physical_of(receive_memory_ + number * receive_buffer_size), receive_buffer_size,
                                 For::device_writes};
  // There are fewer buffers than descriptors.
  if (const auto head = receive_.add({&buffer, 1})) receive_number_[*head] = static_cast<std::uint8_t>(number);
}

// True: there are bytes in the current buffer, perhaps a new one.
bool VirtioPort::next_received() {
  while (current_begin_ == current_end_) {
    const auto used = receive_.take_used();
    if (!used) return false;
    current_number_ = receive_number_[used->head];
    current_begin_ = 0;
    current_end_ = std::min<std::size_t>(used->written, receive_buffer_size);
    if (current_end_ == 0) give_receive_buffer(current_number_);
  }
  return true;
}

Result<std::size_t> VirtioPort::read(std::span<char> to) {
  std::size_t done = 0;
  bool given_back = false;
  SpinGuard guard(lock_);
  while (done < to.size() && next_received()) {
    const std::size_t size = std::min(to.size() - done, current_end_ - current_begin_);
    std::memcpy(to.data() + done, receive_memory_ + current_number_ * receive_buffer_size + current_begin_, size);
    done += size;
    current_begin_ += size;
    if (current_begin_ < current_end_) break;
    give_receive_buffer(current_number_);
    given_back = true;
  }
  if (given_back) publish(receive_, receive_index_);
  if (done == 0 && !to.empty() && other_end_open()) return Error::again;
  return done;
}

bool VirtioPort::readable() const {
  SpinGuard guard(lock_);
  return current_begin_ != current_end_ || receive_.has_used() || !other_end_open();
}

// Takes back what the device is done with, in the order in which it was written.
void VirtioPort::reclaim() {
  while (const auto used = transmit_.take_used()) pieces_[piece_of_[used->head]].done = true;
  while (first_piece_ != next_piece_ && pieces_[first_piece_ % queue_size].done) {
    Piece& piece = pieces_[first_piece_++ % queue_size];
    ring_begin_ += piece.size;
    piece.done = false;
  }
}

bool VirtioPort::has_room() {
  reclaim();
  // A write that goes over the ring's end is two pieces.
  return ring_size - (ring_end_ - ring_begin_) >= least_room && next_piece_ - first_piece_ + 2 <= transmit_.size();
}

// Gives the device the next bytes of the ring.
void VirtioPort::send(std::size_t size) {
  while (size) {
    const std::size_t at = ring_end_ % ring_size;
    const std::size_t length = std::min(size, ring_size - at);
    const Virtqueue::Buffer buffer{arch::physical_of(ring_ + at), static_cast<std::uint32_t>(length), For::device_reads};
    const auto head = transmit_.add({&buffer, 1});
    CV6_ASSERT(head);  // has_room() has looked
    piece_of_[*head] = static_cast<std::uint8_t>(next_piece_ % queue_size);
    pieces_[next_piece_++ % queue_size] = {static_cast<std::uint16_t>(length), false};
    ring_end_ += length;
    size -= length;
  }
  publish(transmit_, static_cast<std::uint16_t>(receive_index_ + 1));
}

Result<std::size_t> VirtioPort::write(std::span<const char> from) {
  if (from.empty()) return 0;
  SpinGuard guard(lock_);
  if (!has_room()) return Error::again;
  const std::size_t size = std::min(from.size(), ring_size - static_cast<std::size_t>(ring_end_ - ring_begin_));
  const std::size_t at = ring_end_ % ring_size;
  const std::size_t first = std::min(size, ring_size - at);
  std::memcpy(ring_ + at, from.data(), first);
  std::memcpy(ring_, from.data() + first, size - first);
  send(size);
  return size;
}

// No: the device will interrupt, so that whoever waits is told.
bool VirtioPort::writable() const {
  auto& self = const_cast<VirtioPort&>(*this);  // what the device has done is seen when somebody looks
  SpinGuard guard(self.lock_);
  if (self.has_room()) return true;
  self.room_wanted_ = true;
  self.transmit_.set_interrupts(Interrupts::on);
  return self.has_room();
}

VirtioPort::Output VirtioPort::output() {
  SpinGuard guard(lock_);
  reclaim();
  return {ring_begin_, ring_end_};
}

// No: the device will interrupt.
bool VirtioPort::taken_up_to(std::uint64_t position) {
  SpinGuard guard(lock_);
  reclaim();
  if (ring_begin_ >= position) return true;
  room_wanted_ = true;
  transmit_.set_interrupts(Interrupts::on);
  reclaim();
  return ring_begin_ >= position;
}

// What others write meanwhile is not waited for.
void VirtioPort::drain() {
  constexpr Nanoseconds patience = 30 * nanoseconds_per_second;  // without a byte: the other end has stopped for good
  const std::uint64_t end = output().end;
  std::uint64_t taken;
  do {
    taken = output().begin;
    const Nanoseconds deadline = arch::monotonic_now() + patience;
    if (became_writable.wait([&] { return taken_up_to(end); }, Wait::uninterruptible, deadline)) return;
  } while (output().begin != taken);
  log(LogLevel::error, "port {}: nobody takes the last {} bytes", name(), end - taken);
}

void VirtioPort::set_other_end(bool open) {
  other_end_open_.store(open, std::memory_order_release);
  became_readable.wake_all();
  if (on_input) on_input(*this, context);
}

void VirtioPort::on_interrupt() {
  bool input = false, room = false;
  {
    SpinGuard guard(lock_);
    input = receive_.has_used();
    if (room_wanted_) {
      room = has_room();
      if (ring_begin_ == ring_end_) {
        transmit_.set_interrupts(Interrupts::off);
        room_wanted_ = false;
      }
    }
  }
  if (room && on_room) on_room(*this, context);
  if (room) became_writable.wake_all();
  if (!input) return;
  became_readable.wake_all();
  if (on_input) on_input(*this, context);
}

void VirtioPort::write_in_panic(std::string_view text) NO_THREAD_SAFETY_ANALYSIS {
  constexpr unsigned longest = 10'000'000;  // turns
  while (!text.empty()) {
    for (unsigned turn = 0; !has_room(); ++turn)
      if (turn == longest) return;
    const std::size_t size = std::min<std::size_t>(text.size(), ring_size - ring_end_ % ring_size);
    std::memcpy(ring_ + ring_end_ % ring_size, text.data(), size);
    send(size);
    text.remove_prefix(size);
  }
  for (unsigned turn = 0; ring_begin_ != ring_end_ && turn < longest; ++turn) reclaim();
}

}  // namespace cv6
