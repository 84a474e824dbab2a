// epoll(7): a set of files that are watched, and the list of those that have news.
//
// An entry, made by add(), is one file under one descriptor number. It is a Listener in the queues of its file: news puts
// it on the ready list of its epoll and wakes one thread that waits. Looking (collect) asks only what is on that list, so
// its cost is that of what is ready. Asked, an entry leaves the list; level triggered ones that had something to report go
// to its end, and so are asked again, after the others; edge triggered ones come back with the next news; one-shot ones
// stop listening until they are modified.
//
// Between two looks at an entry only its first news counts (Event): whoever was told then will look. Likewise an epoll tells
// those that watch it only once between two looks of theirs. That also bounds what a wake-up may cost where epolls watch epolls
// in many ways.
//
// Lifetime. The open file (EpollFile) and each entry hold the Epoll; nobody holds the entries but its tree. An entry does
// not hold its file: it is in the file's list of watches, and when the last Ref to the file goes, its entries go first
// (File::last_reference_gone), while the file can still be polled and its queues left. Who lets an entry go, be it for
// EPOLL_CTL_DEL, for the end of the epoll or for that of the file, does so with the epoll's mutex, and takes it out of
// the file's list last; a file goes when it finds its list empty.
//
// Locks, in their order:
//   nesting         one for all (sleeping): which epolls watch which, for entries whose file is an epoll
//   mutex_          (sleeping) the tree of entries, and asking them; of a watching epoll before that of a watched one
//   a queue's lock  of a file (Rank::wait_queue) or an epoll (pollers_, Rank::epoll_pollers): held while entries hear news
//   lock_           (Rank::epoll) the ready list. And waiting_'s, the queue of threads in wait().
// Epolls do not watch each other in a circle, so locks of one rank are taken in the order of the nesting.
#pragma once

#include <atomic>
#include <compare>
#include <optional>

#include "fs/file.hpp"
#include "lib/list.hpp"
#include "lib/ref.hpp"
#include "lib/tree.hpp"
#include "mm/payer.hpp"
#include "sched/pace.hpp"

namespace cv6 {

// Values as in <sys/epoll.h>. Events proper are those of poll_event; the others say how they are reported.
namespace epoll_flag {
inline constexpr std::uint32_t exclusive = 1u << 28, wake_up = 1u << 29, one_shot = 1u << 30, edge_triggered = 1u << 31;
inline constexpr std::uint32_t how = exclusive | wake_up | one_shot | edge_triggered;
}  // namespace epoll_flag

// What a program wants to hear of a file, and what it wants to be told with it.
struct EpollInterest {
  std::uint32_t events = 0;
  std::uint64_t data = 0;
};

// Where collect() puts what it found. False: it has no room that can be written; the entry keeps what it had to say.
class EpollSink {
 public:
  virtual bool put(std::uint32_t events, std::uint64_t data) = 0;

 protected:
  ~EpollSink() = default;
};

class Epoll;

// Private to epoll.cpp. Changed with the epoll's mutex, but for the nodes of lists that say otherwise.
struct EpollEntry final : Listener, FileWatch, Charged<EpollEntry, "epoll_entry"> {
  EpollEntry(Epoll& watcher, File& target, int number, EpollInterest what);
  std::uint32_t ready_events() { return file.poll(nullptr) & interest.events; }
  struct Key {
    const File* file;
    int descriptor;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  const Ref<Epoll> epoll;
  File& file;
  Epoll* const inner;  // of the file, if it is one
  const int descriptor;
  EpollInterest interest;
  std::optional<PollWaiters> places;  // none: it is a one-shot that has been told
  TreeNode node;
  ListNode ready_node;                // lock_
  ListNode inner_node, outer_node;    // nesting
};

class Epoll : public Counted<Epoll>, public Charged<Epoll, "epoll"> {
 public:
  // An open file with a new epoll. Error::nomem.
  static Result<Ref<File>> open(const Credentials& credentials);
  // That of an open file; null: it is none.
  static Epoll* of(const File& file);

  // epoll_ctl(2), for files that may block. Error::exist, noent, inval (modifying an exclusive entry), nomem (a modified
  // entry then listens no more); adding an epoll: loop (a circle, or too many in a row), inval (too many watch it).
  Result<void> add(File& file, int descriptor, EpollInterest interest);
  Result<void> modify(File& file, int descriptor, EpollInterest interest);
  Result<void> remove(File& file, int descriptor);
  static constexpr unsigned most_in_a_row = 5;
  static constexpr unsigned most_watching_one = 500;

  // At most `most` entries that are ready. Error::fault: the sink took none.
  Result<unsigned> collect(EpollSink& sink, unsigned most);
  // The same, but waits for them; 0: the deadline has passed. Error::intr, fault.
  Result<unsigned> wait(EpollSink& sink, unsigned most, Nanoseconds deadline);

  // For open files: its own, and those that are watched.
  PollEvents poll(PollWaiters* waiters);
  void print_entries(Output& out);
  void close();
  void let_go_of(File& file);  // of its first entries; there may be more

 private:
  friend struct EpollEntry;
  using Key = EpollEntry::Key;
  struct ByKey {
    Key operator()(const EpollEntry& entry) const { return {&entry.file, entry.descriptor}; }
  };
  template <class T, class... Args>
  friend Result<Ref<T>> make(Args&&...);
  Epoll() = default;

  Result<EpollEntry*> find(File& file, int descriptor) REQUIRES(mutex_);
  Result<void> listen(EpollEntry& entry) REQUIRES(mutex_);
  void drop(EpollEntry& entry) REQUIRES(mutex_);

  enum class Way : std::uint8_t { inwards, outwards };
  Result<void> check_nesting(Epoll& inner);
  struct Walk {
    std::uint64_t round;
    sched::Pace pace;
  };
  unsigned length_of_row(Way way, Walk& walk);

  void hear(EpollEntry& entry);
  enum class End : std::uint8_t { first, last };
  // True: it was not ready before.
  bool make_ready(EpollEntry& entry, End where);
  bool anything_ready();
  EpollEntry* take_ready();
  // Each entry that is ready is asked once in a round: what comes to the list meanwhile comes behind the last one.
  struct Round {
    EpollEntry* entry;
    EpollEntry* last;
  };
  Round begin_round();
  void note_told(EpollEntry& entry) REQUIRES(mutex_);

  Mutex mutex_;
  Tree<EpollEntry, &EpollEntry::node, ByKey> entries_ GUARDED_BY(mutex_);
  SpinLock lock_{Rank::epoll};
  List<EpollEntry, &EpollEntry::ready_node> ready_ GUARDED_BY(lock_);
  WaitQueue waiting_{Rank::epoll};
  WaitQueue pollers_{Rank::epoll_pollers};
  std::atomic<std::uint64_t> looks_{0};    // of pollers, each counted before it
  std::atomic<std::uint64_t> told_at_{0};  // how many that were when those in pollers_ were last told of news

  // nesting
  List<EpollEntry, &EpollEntry::inner_node> inner_;  // its entries whose file is an epoll
  List<EpollEntry, &EpollEntry::outer_node> outer_;  // entries for it
  unsigned watched_by_ = 0;
  struct Row {
    std::uint64_t round = 0;  // of check_nesting
    unsigned length = 0;      // this one included
  };
  Row rows_[2];
  bool has_nested_ = false;   // has ever had: set by who holds its file
};

}  // namespace cv6
