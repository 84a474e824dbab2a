#include "container/pid.hpp"

#include "container/container.hpp"

namespace cv6 {

namespace {
constexpr int first_after_wrap = 300;  // low numbers stay with the programs of the start (as in Linux)
}

Ref<Pid> PidTable::find(int number) {
  SpinGuard guard(lock_);
  PidNumber* found = numbers_.find(number);
  return found && found->pid->hold_unless_gone() ? Ref<Pid>::adopt(found->pid) : nullptr;
}

Ref<Pid> PidTable::first_after(int& after) {
  if (after >= maximum) return nullptr;
  SpinGuard guard(lock_);
  for (PidNumber* at = numbers_.lower_bound(after + 1); at; at = numbers_.next(*at)) {
    after = at->number;
    if (at->pid->hold_unless_gone()) return Ref<Pid>::adopt(at->pid);
  }
  return nullptr;
}

bool PidTable::add(PidNumber& entry) {
  SpinGuard guard(lock_);
  if (numbers_.empty()) last_ = 0;  // a container that has become empty begins anew
  int number = last_ < maximum ? last_ + 1 : first_after_wrap;
  // From there on the first gap; taken numbers follow each other in the tree.
  for (PidNumber* at = numbers_.lower_bound(number); at && at->number == number; at = numbers_.next(*at))
    if (++number > maximum) return false;
  entry.number = last_ = number;
  ++given_;
  numbers_.insert(entry);
  return true;
}

bool PidTable::add_as(PidNumber& entry, int wanted) {
  SpinGuard guard(lock_);
  int number = wanted;
  if (numbers_.find(number)) {
    number = 1;
    for (PidNumber* at = numbers_.first(); at && at->number == number; at = numbers_.next(*at)) ++number;
    if (number > maximum) return false;
  }
  entry.number = number;
  numbers_.insert(entry);
  return true;
}

void PidTable::remove(PidNumber& entry) {
  SpinGuard guard(lock_);
  numbers_.remove(entry);
}

Ref<Container> PidLevels::clear() {
  Ref<Container> deepest;  // which holds those above it
  for (unsigned i = 0; i < count_; ++i) {
    PidNumber& entry = (*this)[i];
    entry.level->pids().remove(entry);
    if (i == 0)
      deepest = std::move(entry.level);
    else
      entry.level = nullptr;
  }
  count_ = 0;
  more_.reset();
  return deepest;
}

Result<Ref<Pid>> Pid::allocate(Container& home) {
  Ref<Pid> pid = TRY(make<Pid>());
  TRY(pid->home_.reserve(home.depth() + 1));
  for (Container* level = &home; level; level = level->parent()) {
    PidNumber& entry = pid->home_[pid->home_.count()];
    entry.pid = pid.get();
    entry.level = Ref<Container>(level);
    if (!level->pids().add(entry)) return Error::again;
    pid->home_.added();
  }
  return pid;
}

Result<void> Pid::join(Container& container) {
  const Container& home = *home_[0].level;
  unsigned levels = 0;
  for (Container* level = &container; !home.is_or_is_below(*level); level = level->parent()) ++levels;

  Ref<Container> given_up;
  SpinGuard guard(visit_lock_);
  if (visit_.count()) return Error::busy;
  TRY(visit_.reserve(levels));
  Container* level = &container;
  for (unsigned i = 0; i < levels; ++i, level = level->parent()) {
    PidNumber& entry = visit_[i];
    entry.pid = this;
    entry.level = Ref<Container>(level);
    if (!level->pids().add_as(entry, number())) {
      given_up = visit_.clear();
      return Error::again;
    }
    visit_.added();
  }
  visiting_.store(true, std::memory_order_release);
  return {};
}

void Pid::leave() {
  Ref<Container> left;
  SpinGuard guard(visit_lock_);
  visiting_.store(false, std::memory_order_release);
  left = visit_.clear();
}

Pid::~Pid() {
  leave();
  (void)home_.clear();
}

int Pid::number_in(const Container& viewer) const {
  if (visiting_.load(std::memory_order_acquire)) {
    SpinGuard guard(visit_lock_);
    for (unsigned i = 0; i < visit_.count(); ++i)
      if (visit_[i].level == &viewer) return visit_[i].number;
  }
  // Levels come in order of depth, the deepest first.
  const unsigned deepest = home_[0].level->depth();
  if (viewer.depth() > deepest) return 0;
  const PidNumber& entry = home_[deepest - viewer.depth()];
  return entry.level == &viewer ? entry.number : 0;
}

}  // namespace cv6
