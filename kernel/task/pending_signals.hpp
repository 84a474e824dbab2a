// Signals that have been sent but not delivered: one set for each process and one for each thread.
//
// A standard signal is pending once, however often it was sent; real-time signals queue, as does the one of each timer
// whatever its number, and of one number the oldest comes first. Of several numbers the lowest comes first, the synchronous
// ones before all. Information that could not be kept (no memory, or the sender's user is over RLIMIT_SIGPENDING) is lost for
// standard signals; for real-time ones the sender is told (Error::again). Protected by the lock of the process.
#pragma once

#include <atomic>
#include <optional>

#include "lib/list.hpp"
#include "lib/ref.hpp"
#include "mm/payer.hpp"
#include "task/signal.hpp"
#include "task/user_account.hpp"

namespace cv6 {

struct QueuedSignal final : public Charged<QueuedSignal, "queued_signal"> {
  SignalInfo info;
  Ref<UserAccount> payer;  // whose RLIMIT_SIGPENDING it counts against
  bool of_timer = false;   // a part of its timer, which sends it again and again (process_timers.hpp)
  ListNode node;
};

class PendingSignals {
 public:
  PendingSignals() = default;
  ~PendingSignals() { discard(SignalSet::all()); }

  // May be read without the lock: pairs with UserThread::set_mask, each side writes its own and then reads the other's.
  SignalSet set() const { return SignalSet(set_.load(std::memory_order_seq_cst)); }
  // `payer` null: of the kernel's own making, not counted. Error::again: a real-time signal that could not be queued.
  Result<void> add(const SignalInfo& info, UserAccount* payer, std::uint64_t limit) {
    return add_without_memory(info) ? Result<void>() : add_paid(info, payer, limit);
  }
  // True: it is pending, or was, and takes no memory that somebody would have to pay for.
  bool add_without_memory(const SignalInfo& info) {
    if (signal::real_time(info.number)) return false;
    if (set().contains(info.number)) return true;
    if (first_.node.linked()) return false;
    push(first_, info);
    return true;
  }
  // A timer's own: it takes no memory, and is pending once.
  void add(QueuedSignal& of_timer) {
    if (!of_timer.node.linked()) push(of_timer, of_timer.info);
  }
  // The next signal that is not in `blocked`, out of the set.
  std::optional<SignalInfo> take(SignalSet blocked);
  void discard(SignalSet which);
  // Of a process or thread at its end, some of all. False: that was the last of them. Between the calls others get the lock.
  bool discard_some();
  // What POSIX timers have sent, which are no more: one of them (pending here, or nowhere), or all.
  void discard_of_timer(QueuedSignal& of_timer) {
    if (of_timer.node.linked()) remove(of_timer);
  }
  void discard_of_timers();

 private:
  void change(SignalSet set) { set_.store(set.bits(), std::memory_order_seq_cst); }
  void push(QueuedSignal& queued, const SignalInfo& info);
  Result<void> add_paid(const SignalInfo& info, UserAccount* payer, std::uint64_t limit);
  QueuedSignal* find(int number);  // the oldest; null: nothing more is known of it than that it is pending
  void drop(QueuedSignal& queued) {
    List<QueuedSignal, &QueuedSignal::node>::remove(queued);
    if (queued.payer || &queued != &first_) give_back(queued);
  }
  void give_back(QueuedSignal& queued);
  void remove(QueuedSignal& queued);  // pending is its number from then on only if there are more

  std::atomic<std::uint64_t> set_{0};
  QueuedSignal first_;  // most of the time there is one at most, which needs no memory of its own
  List<QueuedSignal, &QueuedSignal::node> queue_;
};

}  // namespace cv6
