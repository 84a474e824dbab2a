// The supervisor of a container's system calls: a process outside that is asked, call by call, what is to become of those
// that the gate hands to it.
//
//     a thread inside                                   the supervisor
//     ask(): its call is held, the thread waits  ──►    next(): the oldest that it has not been shown
//     goes on with the answer                    ◄──    answer()
//
// There is at most one supervisor at a time (attach). While there is none, and when it goes (detach), what is asked is
// refused: a supervised call never runs because nobody looks. A thread that a signal interrupts takes its call back, and
// asks again if the call is made again.
//
// Held calls are on the stacks of the threads that wait. One spin lock covers the list and everything in its members.
#pragma once

#include "container/call_log.hpp"
#include "container/pid.hpp"
#include "fs/file.hpp"
#include "lib/list.hpp"

namespace cv6 {

// What the supervisor says.
struct CallAnswer {
  enum class Kind : std::uint8_t { run, result, file };
  Kind kind = Kind::result;
  Result<long> result = 0;  // of the call, which does not run
  Ref<File> file;           // gets a descriptor in the caller: the result is its number
  bool close_on_exec = false;
};

class CallSupervisor {
 public:
  // What it is asked: the call, with the strings that its arguments point to, and whose it is.
  struct Question {
    CallRecord record;
    Ref<Pid> process, thread;
    int container = 0;         // where the process is
    std::uint64_t number = 0;  // of this question: given by ask()
  };

  // Waits for the answer. Error::perm: nobody supervises (any more); restart_if_asked: a signal came first.
  Result<CallAnswer> ask(Question& question);

  // Error::busy: there is one already.
  Result<void> attach();
  void detach();
  // The oldest question that it has not been shown. False: none.
  bool next(Question& question);
  bool has_next();
  // Error::noent: nobody waits for an answer to this question (any more), or it has not been shown.
  Result<void> answer(std::uint64_t number, CallAnswer answer);
  WaitQueue& readers() { return readers_; }  // wait for has_next(), and for the container's end
  void wake_readers() { readers_.wake_all(); }

 private:
  struct Held {
    const Question* question;
    enum class State : std::uint8_t { queued, shown, answered, abandoned } state = State::queued;
    CallAnswer answer;
    ListNode node;
  };
  Held* find_queued() REQUIRES(lock_);

  SpinLock lock_{Rank::call_log};
  bool attached_ GUARDED_BY(lock_) = false;
  std::uint64_t asked_ GUARDED_BY(lock_) = 0;
  List<Held, &Held::node> held_ GUARDED_BY(lock_);  // oldest first
  WaitQueue readers_;
  WaitQueue askers_;  // wait for their answers
};

}  // namespace cv6
