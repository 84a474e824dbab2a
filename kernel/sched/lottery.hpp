// A lottery (Waldspurger and Weihl, "Lottery Scheduling", 1994): each thread holds tickets, as many as the weight of its
// nice value; for each slice one ticket is drawn. Shares come out proportional to the tickets in the long run, nobody
// starves, and nothing has to be remembered about the past.
//
// The draw is a number below the sum of all tickets; counted in the order of arrival, it is a ticket of the thread that
// wins. The tree holds the sum for each subtree, so a draw is O(log n). The numbers come from a generator that begins with
// the container's seed: the same seed and the same events give the same winners. One that lost the processor in the
// middle of its slice gets the rest of it without a draw.
#pragma once

#include "sched/policy.hpp"
#include "sched/thread_queue.hpp"

namespace cv6 {

// xorshift64* (Vigna, 2016).
class LotteryNumbers {
 public:
  explicit LotteryNumbers(std::uint64_t seed) : state_(seed ? seed : 1) {}
  std::uint64_t below(std::uint64_t bound) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return (state_ * 0x2545f4914f6cdd1du >> 24) % bound;
  }

 private:
  std::uint64_t state_;
};

class Lottery final : public Policy {
 public:
  explicit Lottery(std::uint64_t seed) : numbers_(seed) {}

  void enqueue(Thread& thread, Why why) override {
    if (why == Why::preempted) return interrupted_.put_back(thread);
    if (why != Why::changed) thread.order = ++last_;
    queue_.insert(thread);
  }
  void remove(Thread& thread) override {
    if (thread.tickets_below == 0) return interrupted_.remove(thread);
    queue_.remove(thread);
    thread.tickets_below = 0;
  }
  Thread* take(arch::CpuSet cpus) override {
    if (Thread* again = interrupted_.take(cpus)) return again;
    if (!(cpus_of_all(queue_) & cpus)) return nullptr;
    Thread* winner = draw();
    // One that may not run here does not win; but draw for ever we will not.
    for (int draws = 1; !(winner->affinity() & cpus); ++draws) winner = draws < most_draws ? draw() : first_for(queue_, cpus);
    remove(*winner);
    return winner;
  }
  arch::CpuSet cpus() const override { return interrupted_.cpus() | cpus_of_all(queue_); }

 private:
  static constexpr int most_draws = 16;
  struct TicketsBelow {
    static void update(Thread& thread, const Thread* left, const Thread* right) {
      CpusBelow::update(thread, left, right);
      thread.tickets_below = weight_of_nice(thread.nice()) + below(left) + below(right);
    }
    static std::uint64_t below(const Thread* subtree) { return subtree ? subtree->tickets_below : 0; }
  };
  using Tickets = Tree<Thread, &Thread::queue_tree_node, ByOrder, TicketsBelow>;

  Thread* draw() {
    Thread* at = queue_.root();
    std::uint64_t number = numbers_.below(at->tickets_below);
    while (true) {
      Thread* left = Tickets::child(*at, Tickets::Side::left);
      const std::uint64_t before = TicketsBelow::below(left);
      if (number < before) {
        at = left;
        continue;
      }
      number -= before;
      const std::uint64_t own = weight_of_nice(at->nice());
      if (number < own) return at;
      number -= own;
      at = Tickets::child(*at, Tickets::Side::right);
    }
  }

  Tickets queue_;             // `tickets_below` of its threads is never 0, of all others it is
  ThreadQueue interrupted_;
  LotteryNumbers numbers_;
  std::uint64_t last_ = 0;
};

}  // namespace cv6
