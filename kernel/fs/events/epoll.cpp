#include "fs/events/epoll.hpp"

#include <algorithm>

#include "fs/anonymous.hpp"

namespace cv6 {

namespace {

constinit Mutex nesting;
constinit SpinLock watches_lock{Rank::epoll};  // the watches of all files: held to link and unlink one

class EpollFile final : public File, public Charged<EpollFile, "epoll_file"> {
 public:
  EpollFile(Ref<Inode> inode, Ref<Epoll> epoll)
      : File(std::move(inode), Positions::none, FileKind::epoll), epoll_(std::move(epoll)) {}
  ~EpollFile() override { epoll_->close(); }

  Epoll& epoll() const { return *epoll_; }
  void describe(Output& out) const override { print(out, "anon_inode:[eventpoll]"); }
  void print_details(Output& out) override { epoll_->print_entries(out); }
  PollEvents poll(PollWaiters* waiters) override { return epoll_->poll(waiters); }

 private:
  const Ref<Epoll> epoll_;
};

// Nothing has to be let go of `file` that may be nested, or the lock for that.
class NestingGuard {
 public:
  explicit NestingGuard(const File& file) {
    if (file.kind() == FileKind::epoll) guard_.emplace(nesting);
  }

 private:
  std::optional<MutexGuard> guard_;
};

// Let go of between two moments in which nobody has to wait for the locks.
constexpr unsigned entries_at_once = 256;
// Asked, or printed, between two moments in which other threads get their turns.
constexpr unsigned asked_between_yields = 1024;

constexpr std::uint32_t wanted_events(std::uint32_t events) { return events | poll_event::always_told; }

}  // namespace

// --- watches of a file -------------------------------------------------------------------------------------------------

void File::add_watch(FileWatch& watch) {
  SpinGuard guard(watches_lock);
  watch.next_watch = watches_.load(std::memory_order_relaxed);
  if (watch.next_watch) watch.next_watch->previous_watch = &watch;
  watches_.store(&watch, std::memory_order_relaxed);
}

void File::remove_watch(FileWatch& watch) {
  SpinGuard guard(watches_lock);
  if (watch.next_watch) watch.next_watch->previous_watch = watch.previous_watch;
  if (watch.previous_watch) watch.previous_watch->next_watch = watch.next_watch;
  else watches_.store(watch.next_watch, std::memory_order_release);
}

void File::end_watches() {
  while (true) {
    Ref<Epoll> epoll;
    {
      SpinGuard guard(watches_lock);
      FileWatch* watch = watches_.load(std::memory_order_relaxed);
      if (!watch) return;
      epoll = static_cast<EpollEntry*>(watch)->epoll;
    }
    epoll->let_go_of(*this);
    sched::maybe_yield();
  }
}

// --- entries -----------------------------------------------------------------------------------------------------------

EpollEntry::EpollEntry(Epoll& watcher, File& target, int number, EpollInterest what)
    : Listener([](Listener& listener) {
        auto& entry = static_cast<EpollEntry&>(listener);
        entry.epoll->hear(entry);
      }),
      epoll(&watcher),
      file(target),
      inner(Epoll::of(target)),
      descriptor(number),
      interest(what) {}

Result<Ref<File>> Epoll::open(const Credentials& credentials) {
  Ref<EpollFile> file = TRY(make<EpollFile>(TRY(anonymous::make_device(0600)), TRY(make<Epoll>())));
  file->set_up({}, open_flag::read | open_flag::write, credentials);
  return Ref<File>(std::move(file));
}

Epoll* Epoll::of(const File& file) {
  return file.kind() == FileKind::epoll ? &static_cast<const EpollFile&>(file).epoll() : nullptr;
}

Result<EpollEntry*> Epoll::find(File& file, int descriptor) {
  if (EpollEntry* entry = entries_.find(Key{&file, descriptor})) return entry;
  return Error::noent;
}

// Its places are taken before the file is asked: what changes afterwards is heard.
Result<void> Epoll::listen(EpollEntry& entry) {
  entry.places.reset();
  entry.clear();
  entry.places.emplace(entry, static_cast<PollEvents>(entry.interest.events));
  const bool ready = (entry.file.poll(&*entry.places) & entry.interest.events) != 0;
  if (!entry.places->complete()) {
    entry.places.reset();
    return Error::nomem;
  }
  if (ready) entry.raise();
  return {};
}

Result<void> Epoll::add(File& file, int descriptor, EpollInterest interest) {
  interest.events = wanted_events(interest.events);
  Own<EpollEntry> made = TRY(make_own<EpollEntry>(*this, file, descriptor, interest));
  EpollEntry& entry = *made;
  const NestingGuard nested(file);
  if (entry.inner) TRY(check_nesting(*entry.inner));
  MutexGuard guard(mutex_);
  if (entries_.find(Key{&file, descriptor})) return Error::exist;
  entries_.insert(*made.release());
  if (entry.inner) {
    inner_.push_back(entry);
    has_nested_ = true;
    entry.inner->outer_.push_back(entry);
    ++entry.inner->watched_by_;
  }
  file.add_watch(entry);
  const auto listens = listen(entry);
  if (!listens) drop(entry);
  return listens;
}

Result<void> Epoll::modify(File& file, int descriptor, EpollInterest interest) {
  MutexGuard guard(mutex_);
  EpollEntry& entry = *TRY(find(file, descriptor));
  if (entry.interest.events & epoll_flag::exclusive) return Error::inval;
  interest.events = wanted_events(interest.events);
  entry.interest = interest;
  return listen(entry);
}

Result<void> Epoll::remove(File& file, int descriptor) {
  const NestingGuard nested(file);
  MutexGuard guard(mutex_);
  drop(*TRY(find(file, descriptor)));
  return {};
}

// The file may go as soon as it is watched no more.
void Epoll::drop(EpollEntry& entry) {
  entry.places.reset();  // nothing is heard any more
  {
    SpinGuard guard(lock_);
    ready_.remove(entry);
  }
  entries_.remove(entry);
  if (entry.inner) {
    inner_.remove(entry);
    entry.inner->outer_.remove(entry);
    --entry.inner->watched_by_;
  }
  entry.file.remove_watch(entry);
  delete &entry;
}

void Epoll::let_go_of(File& file) {
  const NestingGuard nested(file);
  MutexGuard guard(mutex_);
  for (unsigned dropped = 0; dropped < entries_at_once; ++dropped) {
    EpollEntry* entry = entries_.lower_bound(Key{&file, 0});
    if (!entry || &entry->file != &file) break;
    drop(*entry);
  }
}

void Epoll::close() {
  for (bool more = has_nested_; more; sched::maybe_yield()) {
    MutexGuard nested(nesting);
    MutexGuard guard(mutex_);
    for (unsigned dropped = 0; (more = !inner_.empty()) && dropped < entries_at_once; ++dropped) drop(*inner_.front());
  }
  for (bool more = true; more; sched::maybe_yield()) {
    MutexGuard guard(mutex_);
    for (unsigned dropped = 0; (more = !entries_.empty()) && dropped < entries_at_once; ++dropped) drop(*entries_.first());
  }
}

void Epoll::print_entries(Output& out) {
  MutexGuard guard(mutex_);
  sched::Pace pace(asked_between_yields);
  for (const EpollEntry& entry : entries_) {
    print(out, "tfd: {:>8} events: {:>8x} data: {:>16x}  pos:{} ino:{:x} sdev:{:x}\n", entry.descriptor,
          entry.interest.events, entry.interest.data, entry.file.position(), entry.file.inode().number(),
          entry.file.inode().file_system().device());
    pace.step();
  }
}

// --- epolls in epolls ----------------------------------------------------------------------------------------------------

// The longest row of epolls that begins here. Each is asked once in a round. There may be as many entries as memory allows;
// while others run, whoever holds `nesting` goes on holding it, so the lists stay as they are.
unsigned Epoll::length_of_row(Way way, Walk& walk) {
  Row& row = rows_[static_cast<int>(way)];
  if (row.round == walk.round) return row.length;
  row = {walk.round, 1};
  const auto extend = [&](Epoll& next) {
    walk.pace.step();
    row.length = std::max(row.length, next.length_of_row(way, walk) + 1);
  };
  if (way == Way::inwards)
    for (EpollEntry& entry : inner_) extend(*entry.inner);
  else
    for (EpollEntry& entry : outer_) extend(*entry.epoll);
  return row.length;
}

Result<void> Epoll::check_nesting(Epoll& inner) {
  static constinit std::uint64_t last_round = 0;
  Walk walk{++last_round, sched::Pace(asked_between_yields)};
  const unsigned inwards = inner.length_of_row(Way::inwards, walk);
  if (rows_[static_cast<int>(Way::inwards)].round == walk.round) return Error::loop;  // it came by here
  if (inwards + length_of_row(Way::outwards, walk) > most_in_a_row) return Error::loop;
  if (inner.watched_by_ >= most_watching_one) return Error::inval;
  return {};
}

// --- what is ready -------------------------------------------------------------------------------------------------------

// Who is in pollers_ clears its event, then counts its look, then looks at the ready list. A look at the list that came before
// this entry was put there has been counted by then, as lock_ orders the two: so if the last telling had begun with the same
// count, it came after all those looks, and nobody's event has been cleared since. Who looks at the list later finds the entry.
void Epoll::hear(EpollEntry& entry) {
  if (make_ready(entry, End::last)) waiting_.wake_one();
  const std::uint64_t looks = looks_.load(std::memory_order_acquire);
  if (told_at_.load(std::memory_order_acquire) == looks) return;
  pollers_.wake_all();
  told_at_.store(looks, std::memory_order_release);
}

bool Epoll::make_ready(EpollEntry& entry, End where) {
  SpinGuard guard(lock_);
  if (entry.ready_node.linked()) return false;
  if (where == End::first) ready_.push_front(entry);
  else ready_.push_back(entry);
  return true;
}

EpollEntry* Epoll::take_ready() {
  SpinGuard guard(lock_);
  return ready_.pop_front();
}

Epoll::Round Epoll::begin_round() {
  SpinGuard guard(lock_);
  EpollEntry* const last = ready_.back();
  return {ready_.pop_front(), last};
}

bool Epoll::anything_ready() {
  SpinGuard guard(lock_);
  return !ready_.empty();
}

// What somebody was told of: a one-shot listens no more, level triggered ones wait for the next round.
void Epoll::note_told(EpollEntry& entry) {
  if (entry.interest.events & epoll_flag::one_shot) {
    entry.interest.events &= epoll_flag::how;
    entry.places.reset();
  } else if (!(entry.interest.events & epoll_flag::edge_triggered)) {
    make_ready(entry, End::last);
  }
}

Result<unsigned> Epoll::collect(EpollSink& sink, unsigned most) {
  MutexGuard guard(mutex_);
  unsigned found = 0;
  sched::Pace pace(asked_between_yields);
  for (Round round = begin_round(); round.entry; round.entry = take_ready()) {
    EpollEntry& entry = *round.entry;
    entry.clear();
    if (const std::uint32_t events = entry.ready_events()) {
      if (!sink.put(events, entry.interest.data)) {
        make_ready(entry, End::first);
        if (found == 0) return Error::fault;
        break;
      }
      note_told(entry);
      if (++found == most) break;
    }
    if (&entry == round.last) break;
    pace.step();
  }
  if (waiting_.anyone_waiting() && anything_ready()) waiting_.wake_one();
  return found;
}

Result<unsigned> Epoll::wait(EpollSink& sink, unsigned most, Nanoseconds deadline) {
  Result<unsigned> outcome = 0u;
  const auto slept = waiting_.wait(
      [&] {
        outcome = collect(sink, most);
        return !outcome || *outcome != 0;
      },
      Wait::interruptible, deadline);
  if (!slept && slept.error() != Error::timedout) return slept.error();
  return outcome;
}

PollEvents Epoll::poll(PollWaiters* waiters) {
  if (waiters) waiters->watch(pollers_, poll_event::readable);
  looks_.fetch_add(1, std::memory_order_acq_rel);  // before the look: see hear()
  MutexGuard guard(mutex_);
  sched::Pace pace(asked_between_yields);
  for (Round round = begin_round(); round.entry; round.entry = take_ready()) {
    round.entry->clear();
    if (round.entry->ready_events()) {
      make_ready(*round.entry, End::first);
      return poll_event::readable;
    }
    if (round.entry == round.last) break;
    pace.step();
  }
  return 0;
}

}  // namespace cv6
