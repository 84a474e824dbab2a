// Process numbers. A Pid is what a process, a thread, a process group or a session is known by: one number for each
// level of the container tree, from the container where it lives up to the host (as nested pid namespaces have it,
// pid_namespaces(7)). The numbers stay taken as long as anybody holds the Pid: a group keeps its leader's number after
// the leader is gone.
#pragma once

#include <atomic>
#include <cstdint>

#include "lib/ref.hpp"
#include "lib/tree.hpp"
#include "mm/payer.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

class Container;
class Process;
class UserThread;
class ProcessGroup;
class Session;
class Pid;

// One number at one level.
struct PidNumber {
  Ref<Container> level;
  Pid* pid = nullptr;
  int number = 0;
  TreeNode node;  // in the level's PidTable
};

// The numbers of one level.
class PidTable {
 public:
  // Numbers of new processes go up from the last one given to `maximum`, then begin again (as in Linux).
  static constexpr int maximum = 4'194'303;
  Ref<Pid> find(int number);
  // The number given last, and how many have been given since boot (of processes and threads). For /proc.
  struct Given {
    int last = 0;
    std::uint64_t count = 0;
  };
  Given given() {
    SpinGuard guard(lock_);
    return {last_, given_};
  }
  // Calls visit(Pid&, number) for every Pid with a number greater than `after`, lowest first, until it returns false. The
  // Pid is held during the call and no lock is: it may have left this level by then.
  template <class Visit>
  void for_each(int after, Visit visit) {
    while (Ref<Pid> pid = first_after(after))
      if (!visit(*pid, after)) return;
  }

 private:
  friend class Pid;
  friend class PidLevels;
  struct ByNumber {
    int operator()(const PidNumber& entry) const { return entry.number; }
  };
  Ref<Pid> first_after(int& after);  // moves `after` on to the one found
  // Gives the entry a number and takes it in: the next one, or `wanted` if free and else the lowest free. False: none left.
  bool add(PidNumber& entry);
  bool add_as(PidNumber& entry, int wanted);
  void remove(PidNumber& entry);

  SpinLock lock_{Rank::pid_table};
  Tree<PidNumber, &PidNumber::node, ByNumber> numbers_ GUARDED_BY(lock_);
  int last_ GUARDED_BY(lock_) = 0;
  std::uint64_t given_ GUARDED_BY(lock_) = 0;
};

// The numbers of one Pid at a row of levels, each the parent of the one before.
class PidLevels {
 public:
  Result<void> reserve(unsigned levels) {
    if (levels <= inline_size) return {};
    more_.reset(new (std::nothrow) PidNumber[levels]);
    if (!more_) return Error::nomem;
    return {};
  }
  PidNumber& operator[](unsigned i) { return more_ ? more_[i] : inline_[i]; }
  const PidNumber& operator[](unsigned i) const { return more_ ? more_[i] : inline_[i]; }
  unsigned count() const { return count_; }
  // The next level's entry is filled in / all are given back to their levels. The deepest of these is returned, to be dropped
  // where no lock is held: it may have been the last that held the container.
  void added() { ++count_; }
  [[nodiscard]] Ref<Container> clear();

 private:
  static constexpr unsigned inline_size = 2;  // most containers are one below the host
  PidNumber inline_[inline_size];
  Own<PidNumber[]> more_;
  unsigned count_ = 0;
};

class Pid : public Counted<Pid>, public Charged<Pid, "pid"> {
 public:
  // A number at `home` and at every level above it. Error::nomem, Error::again (no number left).
  static Result<Ref<Pid>> allocate(Container& home);
  ~Pid();

  // More numbers, in a container that its process joins and in those between it and home: its own number where that is
  // free, else the lowest free. Error::busy: it has joined one already. `leave` gives them back.
  Result<void> join(Container& container);
  void leave();

  // What `viewer` calls it; 0 if it is not visible from there.
  int number_in(const Container& viewer) const;
  // The number at the level where it was made, and that level.
  int number() const { return home_[0].number; }
  const Container& home() const { return *home_[0].level; }

  // What bears the number; null when it does not exist (any more). Set and cleared by task/, under its tree lock.
  Process* process = nullptr;
  UserThread* thread = nullptr;
  ProcessGroup* group = nullptr;
  Session* session = nullptr;

 private:
  template <class T, class... Args>
  friend Result<Ref<T>> make(Args&&...);
  Pid() = default;

  PidLevels home_;  // from the container where it was made up to the host; fixed
  mutable SpinLock visit_lock_{Rank::pid};
  std::atomic<bool> visiting_{false};
  PidLevels visit_ GUARDED_BY(visit_lock_);  // from the joined container up to below a level of home_
};

}  // namespace cv6
