// The bytes of a pipe (private to pipe*.cpp): a ring over pages. Who may call what is said in pipe.hpp.
#pragma once

#include "fs/io_buffer.hpp"
#include "fs/pipe.hpp"
#include "mm/guest_memory.hpp"
#include "mm/object_cache.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

enum class Blocking : std::uint8_t { no, yes };
struct PipeAccess {
  bool reads, writes;
};

class Pipe : public Counted<Pipe>, public Cached<Pipe, "pipe"> {
 public:
  static Result<Ref<Pipe>> create(Ref<GuestMemory> owner);
  explicit Pipe(Ref<GuestMemory> owner) : owner_(std::move(owner)) {}

  Result<std::size_t> read(IoBuffer& to, Blocking blocking);
  Result<std::size_t> write(IoBuffer& from, Blocking blocking);
  PollEvents poll_reading(PollWaiters* waiters, std::uint64_t writers_seen);
  PollEvents poll_writing(PollWaiters* waiters);

  std::size_t used();
  std::size_t capacity();
  Result<void> set_capacity(std::size_t bytes);

  // --- ends ------------------------------------------------------------------------------------------------------------
  void add_end(PipeAccess access);
  void remove_end(PipeAccess access);
  bool has_readers();
  bool has_writers();
  bool in_use();
  // How many readers and writers there have ever been: an open that waits for the other end must not miss a short one.
  std::uint64_t readers_ever();
  std::uint64_t writers_ever();
  Result<void> wait_for_reader(std::uint64_t after);  // until readers_ever() > after
  Result<void> wait_for_writer(std::uint64_t after);

 private:
  struct State {
    std::uint32_t readers = 0, writers = 0;
    std::uint64_t readers_ever = 0, writers_ever = 0;
    std::uint64_t head = 0, tail = 0;  // bytes ever written and read; less a multiple of the capacity
    std::size_t capacity = pipe_default_capacity;
    std::size_t used() const { return head - tail; }
    std::size_t room() const { return capacity - used(); }
  };
  Result<void> make_page(std::size_t page);
  Result<std::size_t> copy_out(IoBuffer& to, std::uint64_t position, std::size_t count, std::size_t capacity);
  Result<std::size_t> copy_in(IoBuffer& from, std::uint64_t position, std::size_t count, std::size_t capacity);
  Result<std::size_t> write_some(IoBuffer& from, std::size_t needed, bool& broken);

  Guarded<State, Rank::pipe> state_;
  Mutex reading_;
  Mutex writing_;
  WaitQueue readable_;  // bytes came, or the last writer went, or a reader's other end came
  WaitQueue writable_;
  Ref<GuestMemory> owner_;
  Own<FrameRef[]> pages_;  // changes with both mutexes held; an element when its first byte is written
};

}  // namespace cv6
