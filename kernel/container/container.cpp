#include "container/container.hpp"

#include "fs/real_time.hpp"

namespace cv6 {

Container::~Container() = default;

bool Container::is_or_is_below(const Container& other) const {
  const Container* at = this;
  while (at->depth_ > other.depth_) at = at->parent();
  return at == &other;
}

Container::State Container::state() const {
  if (population_.load(std::memory_order_acquire) & stopping_bit) return State::stopping;
  if (sched_context_->frozen()) return State::frozen;
  return process_count() ? State::active : State::ready;
}

Result<void> Container::enter() {
  unsigned population = population_.load(std::memory_order_relaxed);
  do
    if (population & stopping_bit) return Error::srch;
  while (!population_.compare_exchange_weak(population, population + 1, std::memory_order_acq_rel));
  return {};
}

void Container::leave() {
  const unsigned before = population_.fetch_sub(1, std::memory_order_acq_rel);
  if ((before & ~stopping_bit) != 1) return;
  became_empty_.wake_all();
  gate_.note_emptied();
  console_.readers().wake_all();
}

bool Container::begin_stopping() {
  if (population_.fetch_or(stopping_bit, std::memory_order_acq_rel) & stopping_bit) return false;
  gate_.note_stopping();
  console_.readers().wake_all();
  return true;
}

Path Container::root() {
  return root_.with([](Path& root) { return root; });
}
// What was there goes after the lock.
void Container::set_root(Path root) {
  root_.with([&](Path& held) { std::swap(held, root); });
}
void Container::let_go() {
  set_root({});
  (void)gate_.set_log({}, *memory_);  // off, without memory
  set_scheduler_log(nullptr);
  console_.let_go();
}

bool Container::may_log() {
  const auto take = [](LogShare& share) { return share.take(); };
  if (!log_share_.with(take)) return false;
  for (Container* above = parent(); above && !above->is_host(); above = above->parent())
    if (!above->log_share_.with(take)) return false;
  return true;
}

ContainerLife Container::life() {
  return life_.with([](ContainerLife& life) { return life; });
}
void Container::note_start() {
  const Nanoseconds now = real_time_now();
  life_.with([now](ContainerLife& life) {
    life.started = now;
    life.ended = 0;
    ++life.starts;
  });
}
void Container::note_end(int status) {
  const Nanoseconds now = real_time_now();
  life_.with([=](ContainerLife& life) {
    life.ended = now;
    life.status = status;
  });
}

Result<void> Container::annotate(std::string_view text) {
  String note = TRY(String::create(text));
  annotation_.with([&](String& now) { std::swap(now, note); });
  return {};
}
// The length first: nothing is allocated under the lock.
Result<String> Container::annotation() {
  Vector<char> copy;
  while (true) {
    const std::size_t size = annotation_.with([](String& text) { return text.size(); });
    TRY(copy.resize(size));
    const bool complete = annotation_.with([&](String& text) {
      if (text.size() != size) return false;
      std::memcpy(copy.data(), text.c_str(), size);
      return true;
    });
    if (complete) return String::create({copy.data(), size});
  }
}

FixedString<Container::hostname_size> Container::name() const {
  return names_.with([](Names& names) { return names.own; });
}
FixedString<Container::hostname_size> Container::hostname() {
  return names_.with([](Names& names) { return names.host; });
}
Ref<File> Container::scheduler_log() {
  return scheduler_log_.with([](Ref<File>& file) { return file; });
}
// A container that is stopping may have let go already, and the file may lead back to it (its console): they would keep
// each other. let_go() takes the same lock after the mark, so a file that came before the mark is found there.
void Container::set_scheduler_log(Ref<File> file) {
  scheduler_log_.with([&](Ref<File>& now) {
    if (!file || state() != State::stopping) std::swap(now, file);
  });
}
void Container::set_hostname(std::string_view name) {
  names_.with([&](Names& names) { names.host.assign(name); });
}
FixedString<Container::hostname_size> Container::domainname() {
  return names_.with([](Names& names) { return names.domain; });
}
void Container::set_domainname(std::string_view name) {
  names_.with([&](Names& names) { names.domain.assign(name); });
}

}  // namespace cv6
