#include "fs/pipe_ring.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "sched/pace.hpp"

namespace cv6 {

namespace {

// A pipe of root's may have gigabytes: others get their turns while they are copied, or freed. Only the pipe's ends wait.
constexpr unsigned pages_between_yields = sched::Pace::usual;

char* bytes_of(const FrameRef& page) { return static_cast<char*>(page.data()); }

// Null: no memory.
PipePages new_pages(std::size_t bytes) {
  const std::size_t count = bytes / page_size;
  return PipePages(new (std::nothrow) FrameRef[count], {count});
}

}  // namespace

void ReleasePages::operator()(FrameRef* pages) const {
  for (std::size_t done = 0; count - done > pages_between_yields; sched::maybe_yield())
    for (unsigned i = 0; i < pages_between_yields; ++i) pages[done++] = {};
  delete[] pages;
}

Result<Ref<Pipe>> Pipe::create(Ref<GuestMemory> owner) {
  Ref<Pipe> pipe = TRY(make<Pipe>(std::move(owner)));
  pipe->pages_ = new_pages(pipe_default_capacity);
  if (!pipe->pages_) return Error::nomem;
  return pipe;
}

void Pipe::advance(std::uint32_t Filled::* end, std::size_t count) {
  Filled old = filled_.load(std::memory_order_relaxed);
  Filled fresh;
  do {  // the other side moves its end meanwhile
    fresh = old;
    fresh.*end += static_cast<std::uint32_t>(count);
  } while (!filled_.compare_exchange_weak(old, fresh, std::memory_order_acq_rel, std::memory_order_relaxed));
}

// --- reading ---------------------------------------------------------------------------------------------------------

Result<std::size_t> Pipe::copy_out(IoBuffer& to, std::size_t position, std::size_t count) {
  const std::size_t capacity = this->capacity();
  std::size_t done = 0;
  for (sched::Pace pace; done < count; pace.step()) {
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

// 0: another reader was faster.
Result<std::size_t> Pipe::read_some(IoBuffer& to) {
  MutexGuard guard(reading_);
  const Filled filled = filled_.load(std::memory_order_acquire);
  const std::size_t available = std::min<std::size_t>(filled.size(), to.remaining());
  if (available == 0) return 0;
  const std::size_t count = TRY(copy_out(to, filled.tail, available));
  advance(&Filled::tail, count);
  writable_.wake_all();
  return count;
}

Result<std::size_t> Pipe::read(IoBuffer& to, Blocking blocking) {
  if (to.empty()) return 0;
  const auto ready = [this] { return used() != 0 || !has_writers(); };
  while (true) {
    if (blocking == Blocking::no && !ready()) return Error::again;
    if (!readable_.wait(ready)) return Error::restart_if_asked;
    if (used() == 0) {
      if (has_writers()) continue;  // another reader was quicker
      if (used() == 0) return 0;    // the last of them may have left something
    }
    const Result<std::size_t> count = read_some(to);
    if (!count || *count) return count;
  }
}

// --- writing ---------------------------------------------------------------------------------------------------------

Result<void> Pipe::make_page(std::size_t page) {
  if (!pages_[page]) pages_[page] = TRY(owner_->take(FrameUse::kernel, Fill::garbage));
  return {};
}

Result<std::size_t> Pipe::copy_in(IoBuffer& from, std::size_t position, std::size_t count) {
  const std::size_t capacity = this->capacity();
  std::size_t done = 0;
  for (sched::Pace pace; done < count; pace.step()) {
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

// Writes what fits now, if at least `needed` bytes do.
Result<std::size_t> Pipe::write_some(IoBuffer& from, std::size_t needed) {
  MutexGuard guard(writing_);
  Filled filled = filled_.load(std::memory_order_acquire);
  // Small transfers stay in the first page. Readers leave an empty pipe alone.
  if (filled.size() == 0) filled_.store(filled = Filled(), std::memory_order_relaxed);
  const std::size_t room = capacity() - filled.size();
  if (room < needed) return 0;
  const std::size_t count = TRY(copy_in(from, filled.head, std::min(room, from.remaining())));
  advance(&Filled::head, count);
  readable_.wake_all();
  return count;
}

Result<std::size_t> Pipe::write(IoBuffer& from, Blocking blocking) {
  if (from.empty()) return 0;
  const std::size_t size = from.remaining();
  while (true) {
    const auto so_far = [&](Error error) {
      return size != from.remaining() ? Result<std::size_t>(size - from.remaining()) : error;
    };
    if (!has_readers()) return so_far(Error::pipe);
    // A small write goes in whole or waits; of a large one goes in what fits.
    const std::size_t needed = size <= pipe_atomic_size ? from.remaining() : 1;
    const Result<std::size_t> written = write_some(from, needed);
    if (!written) return so_far(written.error());
    if (from.empty()) return size;
    if (*written) continue;  // there may be more room by now
    if (blocking == Blocking::no) return so_far(Error::again);
    if (!writable_.wait([&] { return capacity() - used() >= needed || !has_readers(); }))
      return so_far(Error::restart_if_asked);
  }
}

// --- poll, capacity --------------------------------------------------------------------------------------------------

void Pipe::watch(PollWaiters& waiters, PipeAccess access) {
  if (access.reads) waiters.watch(readable_, poll_event::readable | poll_event::hang_up);
  if (access.writes) waiters.watch(writable_, poll_event::writable | poll_event::error);
}

PollEvents Pipe::poll_reading(std::uint64_t writers_seen) const {
  PollEvents events = 0;
  if (!has_writers() && writers_ever() != writers_seen) events |= poll_event::hang_up;
  if (used()) events |= poll_event::readable;
  return events;
}

PollEvents Pipe::poll_writing() const {
  PollEvents events = 0;
  if (capacity() - used() >= pipe_atomic_size) events |= poll_event::writable;
  if (!has_readers()) events |= poll_event::error;
  return events;
}

Result<void> Pipe::set_capacity(std::size_t bytes) {
  MutexGuard no_writer(writing_);
  MutexGuard no_reader(reading_);
  const Filled filled = filled_.load(std::memory_order_acquire);
  const std::size_t used = filled.size();
  if (used > bytes) return Error::busy;
  PipePages pages = new_pages(bytes);
  if (!pages) return Error::nomem;
  // What is in the pipe begins at the beginning of the new ring.
  sched::Pace pace;
  for (std::size_t done = 0; done < used;) {
    pace.step();
    FrameRef& page = pages[done / page_size];
    if (!page) page = TRY(owner_->take(FrameUse::kernel, Fill::garbage));
    const std::size_t from = (filled.tail + done) & (capacity() - 1);
    const std::size_t count = std::min({used - done, page_size - from % page_size, page_size - done % page_size});
    std::memcpy(bytes_of(page) + done % page_size, bytes_of(pages_[from / page_size]) + from % page_size, count);
    done += count;
  }
  std::swap(pages_, pages);
  filled_.store({.head = static_cast<std::uint32_t>(used), .tail = 0}, std::memory_order_relaxed);
  capacity_.store(static_cast<std::uint32_t>(bytes), std::memory_order_relaxed);
  writable_.wake_all();
  return {};
}

// --- ends ------------------------------------------------------------------------------------------------------------

void Pipe::add_end(PipeAccess access) {
  readers_ever_.fetch_add(access.reads, std::memory_order_relaxed);
  writers_ever_.fetch_add(access.writes, std::memory_order_relaxed);
  readers_.fetch_add(access.reads, std::memory_order_acq_rel);
  writers_.fetch_add(access.writes, std::memory_order_acq_rel);
  if (access.reads) writable_.wake_all();
  if (access.writes) readable_.wake_all();
}

void Pipe::remove_end(PipeAccess access) {
  readers_.fetch_sub(access.reads, std::memory_order_acq_rel);
  writers_.fetch_sub(access.writes, std::memory_order_acq_rel);
  if (access.reads) writable_.wake_all();
  if (access.writes) readable_.wake_all();
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
