// Process numbers. A Pid is what a process, a thread, a process group or a session is known by: one number for each
// level of the container tree, from the container where it lives up to the host (as nested pid namespaces have it,
// pid_namespaces(7)). The numbers stay taken as long as anybody holds the Pid: a group keeps its leader's number after
// the leader is gone.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "lib/hash_table.hpp"
#include "lib/ref.hpp"
#include "lib/vector.hpp"
#include "mm/object_cache.hpp"
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
  Container* level = nullptr;
  int number = 0;
  Pid* pid = nullptr;
  HashNode node;  // in the level's PidTable
};

// The numbers of one level.
class PidTable {
 public:
  // The next free number after the last one given, from 1 up; wraps at `maximum`, then from 300 up (as Linux does).
  static constexpr int maximum = 4'194'304;
  Ref<Pid> find(int number);
  // Calls visit(Pid&) for every Pid with a number greater than `after`, lowest first, until it returns false. The Pid is
  // held during the call and no lock is.
  template <class Visit>
  void for_each(int after, Visit visit);

 private:
  friend class Pid;
  struct Traits {
    static int key(const PidNumber& number) { return number.number; }
    static std::uint64_t hash(int number) { return static_cast<std::uint64_t>(number); }
    static bool equal(const PidNumber& number, int wanted) { return number.number == wanted; }
  };
  Ref<Pid> first_after(int& number);  // moves `number` on to the one found

  SpinLock lock_{Rank::pid_table};
  HashTable<PidNumber, &PidNumber::node, Traits> numbers_ GUARDED_BY(lock_);
  int last_ GUARDED_BY(lock_) = 0;
};

class Pid : public Counted<Pid>, public Cached<Pid, "pid"> {
 public:
  // A number at `home` and at every level above it. Error::nomem.
  static Result<Ref<Pid>> allocate(Container& home);
  ~Pid();

  // What `viewer` calls it; 0 if it is not visible from there.
  int number_in(const Container& viewer) const;
  // The number at the level where it lives: what getpid() returns.
  int number() const { return numbers()[0].number; }

  // What bears the number; null when it does not exist (any more). Set and cleared by task/, under its tree lock.
  Process* process = nullptr;
  UserThread* thread = nullptr;
  ProcessGroup* group = nullptr;
  Session* session = nullptr;

 private:
  template <class T, class... Args>
  friend Result<Ref<T>> make(Args&&...);
  Pid() = default;
  std::span<const PidNumber> numbers() const { return {more_ ? more_ : inline_.data(), count_}; }

  // Levels from home up to the host; most containers are one below the host.
  std::array<PidNumber, 2> inline_;
  PidNumber* more_ = nullptr;
  std::uint32_t count_ = 0;
};

template <class Visit>
void PidTable::for_each(int after, Visit visit) {
  while (Ref<Pid> pid = first_after(after))
    if (!visit(*pid)) return;
}

}  // namespace cv6
