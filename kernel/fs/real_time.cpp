#include "fs/real_time.hpp"

#include <atomic>
#include <new>

#include "arch/clock.hpp"
#include "fs/clock_page.hpp"
#include "sched/mutex.hpp"

namespace cv6 {

namespace {

constinit ClockPage before_the_page;          // only its offset is ever looked at
constinit ClockPage* clock_page = &before_the_page;

constinit Mutex watches_mutex;
constinit List<ClockWatch, &ClockWatch::clock_node> watches GUARDED_BY(watches_mutex);

std::atomic<std::int64_t>& offset() { return clock_page->real_time_offset; }

}  // namespace

Nanoseconds real_time_now() {
  Nanoseconds at = offset().load(std::memory_order_relaxed);
  if (at == 0) [[unlikely]] {  // the battery clock has not been read yet
    at = arch::real_time_at_boot();
    offset().store(at, std::memory_order_relaxed);
  }
  return at + arch::monotonic_now();
}

void set_real_time(Nanoseconds now) {
  MutexGuard guard(watches_mutex);
  offset().store(now - arch::monotonic_now(), std::memory_order_relaxed);
  for (ClockWatch& watch : watches) watch.clock_was_set();
}

void ClockWatch::begin_watching() {
  MutexGuard guard(watches_mutex);
  watches.push_back(*this);
}

void ClockWatch::end_watching() {
  if (!clock_node.linked()) return;
  MutexGuard guard(watches_mutex);
  watches.remove(*this);
}

Result<FrameRef> make_clock_page() {
  FrameRef frame = FrameRef::adopt(TRY(frames::take(0, FrameUse::kernel, Fill::zero)));
  auto* page = new (frame.data()) ClockPage;
  const arch::ClockScale scale = arch::clock_scale();
  page->start = scale.start;
  page->nanoseconds_per_cycle = scale.nanoseconds_per_cycle;
  (void)real_time_now();  // so that the offset is known
  page->real_time_offset.store(offset().load(std::memory_order_relaxed), std::memory_order_relaxed);
  clock_page = page;
  return frame;
}

}  // namespace cv6
