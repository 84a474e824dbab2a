// One port of a virtio console (Virtual I/O Device 1.2, 5.3): a queue in each direction.
//
// Input: the device fills small buffers, in order; a buffer goes back when it has been read, so that what nobody reads
// stays with the device. Output: a ring of bytes; each write is copied there and given to the device as it is, so that it
// costs one descriptor and at most one exit, whatever its size.
#pragma once

#include "dev/port.hpp"
#include "dev/virtio_device.hpp"
#include "lib/result.hpp"
#include "lib/string.hpp"
#include "lib/units.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

class VirtioPort final : public Port {
 public:
  static constexpr std::uint16_t queue_size = 32;

  // Its queues are enabled; it works once start() has given the device buffers.
  VirtioPort(VirtioDevice& device, std::uint16_t receive_index, Virtqueue receive, Virtqueue transmit)
      : device_(device), receive_index_(receive_index), receive_(receive), transmit_(transmit) {}
  ~VirtioPort() override = default;
  Result<void> start();  // Error::nomem

  std::string_view name() const override { return name_; }
  bool is_console() const override { return console_; }
  Result<std::size_t> read(std::span<char> to) override;
  Result<std::size_t> write(std::span<const char> from) override;
  bool readable() const override;
  bool writable() const override;
  bool other_end_open() const override { return other_end_open_.load(std::memory_order_acquire); }
  bool drained() override { return taken_up_to(output().end); }
  void drain() override;
  void write_in_panic(std::string_view text) override;

  // From the device's control messages and interrupts.
  void set_name(std::string_view name) { name_.assign(name); }
  void set_console() { console_ = true; }
  void set_other_end(bool open);
  void on_interrupt();

 private:
  static constexpr std::size_t receive_buffer_size = 1024;
  static constexpr unsigned receive_buffers = 16;
  static constexpr std::size_t ring_size = 16384;
  static constexpr std::size_t least_room = 4096;  // with less, nothing is written: big pieces cost less

  bool next_received() REQUIRES(lock_);
  void give_receive_buffer(unsigned number) REQUIRES(lock_);
  void publish(Virtqueue& queue, std::uint16_t index) REQUIRES(lock_);
  void reclaim() REQUIRES(lock_);
  bool has_room() REQUIRES(lock_);
  void send(std::size_t size) REQUIRES(lock_);
  // Positions in all that was ever written: the device has what is between.
  struct Output {
    std::uint64_t begin, end;
  };
  Output output();
  bool taken_up_to(std::uint64_t position);

  VirtioDevice& device_;
  const std::uint16_t receive_index_;  // the transmit queue is the next
  FixedString<64> name_;
  bool console_ = false;
  std::atomic<bool> other_end_open_{false};

  mutable SpinLock lock_{Rank::port};
  Virtqueue receive_ GUARDED_BY(lock_);
  char* receive_memory_ = nullptr;
  std::uint8_t receive_number_[queue_size] GUARDED_BY(lock_) = {};  // by descriptor: which buffer it is
  // The buffer that is being read: bytes begin_ .. end_ of number_.
  unsigned current_number_ GUARDED_BY(lock_) = 0;
  std::size_t current_begin_ GUARDED_BY(lock_) = 0;
  std::size_t current_end_ GUARDED_BY(lock_) = 0;

  Virtqueue transmit_ GUARDED_BY(lock_);
  char* ring_ = nullptr;
  std::uint64_t ring_begin_ GUARDED_BY(lock_) = 0;
  std::uint64_t ring_end_ GUARDED_BY(lock_) = 0;
  // What the device has, in order: the size of each piece, and whether it is done with it.
  struct Piece {
    std::uint16_t size = 0;
    bool done = false;
  };
  Piece pieces_[queue_size] GUARDED_BY(lock_);
  std::uint8_t piece_of_[queue_size] GUARDED_BY(lock_) = {};  // by descriptor
  unsigned first_piece_ GUARDED_BY(lock_) = 0;
  unsigned next_piece_ GUARDED_BY(lock_) = 0;
  bool room_wanted_ GUARDED_BY(lock_) = false;
};

}  // namespace cv6
