#include "fs/pipe_ring.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace cv6 {

namespace {

char* bytes_of(const FrameRef& page) { return static_cast<char*>(page.data()); }

}  // namespace

Result<Ref<Pipe>> Pipe::create(Ref<GuestMemory> owner) {
  Ref<Pipe> pipe = TRY(make<Pipe>(std::move(owner)));
  pipe->pages_ = Own<FrameRef[]>(new (std::nothrow) FrameRef[pipe_default_capacity / page_size]);
  if (!pipe->pages_) return Error::nomem;
  return pipe;
}

// --- reading -----------------------------------------------------------------------------------------------------------

Result<std::size_t> Pipe::copy_out(IoBuffer& to, std::uint64_t position, std::size_t count, std::size_t capacity) {
  std::size_t done = 0;
  while (done < count) {
    const std::size_t at = (position + done) & (capacity - 1);
    const std::size_t wanted = std::min(count - done, page_size - at % page_size);
    const Result<std::size_t> moved = to.put(bytes_of(pages_[at / page_size]) + at % page_size, wanted);
    if (!moved && done == 0) return moved.error();
    if (!moved) break;
    done += *moved;
    if (*moved < wanted) break;
  }
  return done;
}

Result<std::size_t> Pipe::read(IoBuffer& to, Blocking blocking) {
  if (to.empty()) return 0;
  while (true) {
    bool may_block;
    {
      MutexGuard guard(reading_);
      State seen;
      state_.with([&](State& state) { seen = state; });
      if (const std::size_t available = std::min(seen.used(), to.remaining())) {
        const std::size_t count = TRY(copy_out(to, seen.tail, available, seen.capacity));
        state_.with([&](State& state) { state.tail += count; });
        writable_.wake_all();
        return count;
      }
      may_block = seen.writers != 0;
    }
    if (!may_block) return 0;
    if (blocking == Blocking::no) return Error::again;
    const auto ready = [this] { return state_.with([](State& state) { return state.used() || !state.writers; }); };
    if (!readable_.wait(ready)) return Error::restart_if_asked;
  }
}

// --- writing -----------------------------------------------------------------------------------------------------------

Result<void> Pipe::make_page(std::size_t page) {
  if (!pages_[page]) pages_[page] = TRY(owner_->take(FrameUse::kernel, Fill::garbage));
  return {};
}

Result<std::size_t> Pipe::copy_in(IoBuffer& from, std::uint64_t position, std::size_t count, std::size_t capacity) {
  std::size_t done = 0;
  while (done < count) {
    const std::size_t at = (position + done) & (capacity - 1);
    const std::size_t wanted = std::min(count - done, page_size - at % page_size);
    const Result<void> page = make_page(at / page_size);
    if (!page && done == 0) return page.error();
    if (!page) break;
    const Result<std::size_t> moved = from.take(bytes_of(pages_[at / page_size]) + at % page_size, wanted);
    if (!moved && done == 0) return moved.error();
    if (!moved) break;
    done += *moved;
    if (*moved < wanted) break;
  }
  return done;
}

// Writes what fits now, if at least `needed` bytes do. `broken`: nobody reads.
Result<std::size_t> Pipe::write_some(IoBuffer& from, std::size_t needed, bool& broken) {
  MutexGuard guard(writing_);
  State seen;
  state_.with([&](State& state) {
    if (state.used() == 0) state.head = state.tail = 0;  // small transfers stay in the first page
    seen = state;
  });
  broken = seen.readers == 0;
  if (broken || seen.room() < needed) return 0;
  const std::size_t count = TRY(copy_in(from, seen.head, std::min(seen.room(), from.remaining()), seen.capacity));
  state_.with([&](State& state) { state.head += count; });
  readable_.wake_all();
  return count;
}

Result<std::size_t> Pipe::write(IoBuffer& from, Blocking blocking) {
  if (from.empty()) return 0;
  std::size_t total = 0;
  const std::size_t size = from.remaining();
  while (true) {
    // A small write goes in whole or waits; of a large one goes in what fits.
    const std::size_t needed = size <= pipe_atomic_size ? from.remaining() : 1;
    bool broken;
    const Result<std::size_t> written = write_some(from, needed, broken);
    if (!written) return total ? Result<std::size_t>(total) : written;
    total += *written;
    if (broken) return total ? Result<std::size_t>(total) : Error::pipe;
    if (from.empty()) return total;
    if (*written) continue;  // there may be more room by now
    if (blocking == Blocking::no) return total ? Result<std::size_t>(total) : Error::again;
    const auto ready = [&] {
      return state_.with([&](State& state) { return state.room() >= needed || !state.readers; });
    };
    if (!writable_.wait(ready)) return total ? Result<std::size_t>(total) : Error::restart_if_asked;
  }
}

// --- poll, capacity ----------------------------------------------------------------------------------------------------

PollEvents Pipe::poll_reading(PollWaiters* waiters, std::uint64_t writers_seen) {
  if (waiters) waiters->watch(readable_);
  return state_.with([&](State& state) {
    PollEvents events = 0;
    if (state.used()) events |= poll_event::readable;
    if (!state.writers && state.writers_ever != writers_seen) events |= poll_event::hang_up;
    return events;
  });
}

PollEvents Pipe::poll_writing(PollWaiters* waiters) {
  if (waiters) waiters->watch(writable_);
  return state_.with([](State& state) {
    PollEvents events = 0;
    if (state.room() >= pipe_atomic_size) events |= poll_event::writable;
    if (!state.readers) events |= poll_event::error;
    return events;
  });
}

std::size_t Pipe::used() {
  return state_.with([](State& state) { return state.used(); });
}
std::size_t Pipe::capacity() {
  return state_.with([](State& state) { return state.capacity; });
}

Result<void> Pipe::set_capacity(std::size_t bytes) {
  MutexGuard no_writer(writing_);
  MutexGuard no_reader(reading_);
  State seen;
  state_.with([&](State& state) { seen = state; });
  const std::size_t used = seen.used();
  if (used > bytes) return Error::busy;
  Own<FrameRef[]> pages(new (std::nothrow) FrameRef[bytes / page_size]);
  if (!pages) return Error::nomem;
  // What is in the pipe begins at the beginning of the new ring.
  for (std::size_t done = 0; done < used;) {
    FrameRef& page = pages[done / page_size];
    if (!page) page = TRY(owner_->take(FrameUse::kernel, Fill::garbage));
    const std::size_t from = (seen.tail + done) & (seen.capacity - 1);
    const std::size_t count = std::min({used - done, page_size - from % page_size, page_size - done % page_size});
    std::memcpy(bytes_of(page) + done % page_size, bytes_of(pages_[from / page_size]) + from % page_size, count);
    done += count;
  }
  std::swap(pages_, pages);
  state_.with([&](State& state) {
    state.tail = 0;
    state.head = used;
    state.capacity = bytes;
  });
  writable_.wake_all();
  return {};
}

// --- ends --------------------------------------------------------------------------------------------------------------

void Pipe::add_end(PipeAccess access) {
  state_.with([&](State& state) {
    state.readers += access.reads;
    state.readers_ever += access.reads;
    state.writers += access.writes;
    state.writers_ever += access.writes;
  });
  if (access.reads) writable_.wake_all();
  if (access.writes) readable_.wake_all();
}

void Pipe::remove_end(PipeAccess access) {
  state_.with([&](State& state) {
    state.readers -= access.reads;
    state.writers -= access.writes;
  });
  if (access.reads) writable_.wake_all();
  if (access.writes) readable_.wake_all();
}

bool Pipe::has_readers() {
  return state_.with([](State& state) { return state.readers != 0; });
}
bool Pipe::has_writers() {
  return state_.with([](State& state) { return state.writers != 0; });
}
bool Pipe::in_use() {
  return state_.with([](State& state) { return state.readers || state.writers; });
}
std::uint64_t Pipe::readers_ever() {
  return state_.with([](State& state) { return state.readers_ever; });
}
std::uint64_t Pipe::writers_ever() {
  return state_.with([](State& state) { return state.writers_ever; });
}

Result<void> Pipe::wait_for_reader(std::uint64_t after) {
  if (!writable_.wait([&] { return readers_ever() != after; })) return Error::restart_if_asked;
  return {};
}
Result<void> Pipe::wait_for_writer(std::uint64_t after) {
  if (!readable_.wait([&] { return writers_ever() != after; })) return Error::restart_if_asked;
  return {};
}

}  // namespace cv6
