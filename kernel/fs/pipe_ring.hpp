// The bytes of a pipe (private to pipe*.cpp): a ring over pages. Who may call what is said in pipe.hpp.
#pragma once

#include <atomic>

#include "fs/io_buffer.hpp"
#include "fs/pipe.hpp"
#include "mm/guest_memory.hpp"
#include "mm/payer.hpp"

namespace cv6 {

struct PipeAccess {
  bool reads, writes;
};

// The pages of a ring: each comes when its first byte is written. They may be many, so their end gives way.
struct ReleasePages {
  std::size_t count = 0;
  void operator()(FrameRef* pages) const;
};
using PipePages = std::unique_ptr<FrameRef[], ReleasePages>;

class Pipe : public Counted<Pipe>, public Charged<Pipe, "pipe", pipe_default_capacity / page_size * sizeof(FrameRef)> {
 public:
  static Result<Ref<Pipe>> create(Ref<GuestMemory> owner);
  explicit Pipe(Ref<GuestMemory> owner) : owner_(std::move(owner)) {}

  Result<std::size_t> read(IoBuffer& to, Blocking blocking);
  Result<std::size_t> write(IoBuffer& from, Blocking blocking);
  void watch(PollWaiters& waiters, PipeAccess access);
  PollEvents poll_reading(std::uint64_t writers_seen) const;
  PollEvents poll_writing() const;

  std::size_t used() const { return filled_.load(std::memory_order_acquire).size(); }
  std::size_t capacity() const { return capacity_.load(std::memory_order_relaxed); }
  Result<void> set_capacity(std::size_t bytes);
  const GuestMemory& owner() const { return *owner_; }  // who is charged for what is in it

  // --- ends ----------------------------------------------------------------------------------------------------------
  void add_end(PipeAccess access);
  void remove_end(PipeAccess access);
  bool has_readers() const { return readers_.load(std::memory_order_acquire) != 0; }
  bool has_writers() const { return writers_.load(std::memory_order_acquire) != 0; }
  bool in_use() const { return has_readers() || has_writers(); }
  // How many readers and writers there have ever been: an open that waits for the other end must not miss a short one.
  std::uint64_t readers_ever() const { return readers_ever_.load(std::memory_order_relaxed); }
  std::uint64_t writers_ever() const { return writers_ever_.load(std::memory_order_relaxed); }
  Result<void> wait_for_reader(std::uint64_t after);  // until readers_ever() > after
  Result<void> wait_for_writer(std::uint64_t after);

 private:
  // The bytes in the pipe have the positions [tail, head), modulo 2^32; the place of one in the ring is its position
  // modulo the capacity. Readers move the tail, writers the head.
  struct Filled {
    std::uint32_t head = 0, tail = 0;
    std::uint32_t size() const { return head - tail; }
  };
  // For the one that holds `reading_` or `writing_`.
  void advance(std::uint32_t Filled::* end, std::size_t count);
  Result<void> make_page(std::size_t page);
  Result<std::size_t> copy_out(IoBuffer& to, std::size_t position, std::size_t count);
  Result<std::size_t> copy_in(IoBuffer& from, std::size_t position, std::size_t count);
  Result<std::size_t> read_some(IoBuffer& to);
  Result<std::size_t> write_some(IoBuffer& from, std::size_t needed);

  std::atomic<Filled> filled_{Filled()};
  std::atomic<std::uint32_t> capacity_{pipe_default_capacity};  // changes with both mutexes held
  std::atomic<std::uint32_t> readers_{0}, writers_{0};
  std::atomic<std::uint64_t> readers_ever_{0}, writers_ever_{0};
  Mutex reading_;
  Mutex writing_;
  WaitQueue readable_;  // bytes came, or the last writer went, or a reader's other end came
  WaitQueue writable_;
  Ref<GuestMemory> owner_;
  PipePages pages_;  // changes with both mutexes held; an element with one
};

}  // namespace cv6
