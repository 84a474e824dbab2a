// Messages between processes. Two kinds wait for a process, each in the order in which it was sent:
//
//   letters   it takes them itself, one by one
//   notes     they interrupt it: its handler is called with each; while that runs, and while there is none, they wait
//
// A process has a mailbox from the first time on that anybody needs it. Its lists are covered by the process's lock; its
// handler is the process's own, which has one thread. Messages reach what the sender's container sees, and no further.
#pragma once

#include <span>

#include "arch/context.hpp"
#include "container/message.hpp"
#include "task/process.hpp"

namespace cv6 {

// What a handler interrupted.
struct Interrupted : Charged<Interrupted, "interrupted"> {
  bool active = false;
  arch::UserRegisters registers;
  TimedRestart timed_restart;
  Own<std::byte[]> fpu;
};

struct Mailbox : Charged<Mailbox, "mailbox"> {
  static constexpr unsigned most = 1024;  // of each kind
  using Messages = List<Message, &Message::node>;
  ~Mailbox();

  Messages letters, notes;
  unsigned letter_count = 0;
  unsigned note_count = 0;  // with those that room is reserved for
  WaitQueue readers;
  std::atomic<std::uintptr_t> handler{0};
  Own<Interrupted> interrupted;  // there from the first handler on
};

// Error::srch: there is no such process (any more); again: no room; nomem.
Result<void> send_letter(Process& caller, int receiver, const MessageBytes& bytes);
// To all of them or to none.
Result<void> send_notes(Process& caller, std::span<const int> receivers, const MessageBytes& bytes);
// The next letter, which stays the next one until it is dropped. Waits. Error::restart_if_asked.
Result<MessageBytes> next_letter(Process& caller);
void drop_letter(Process& caller);

// 0: none. Notes that waited for one come now.
Result<void> set_message_handler(UserThread& caller, std::uintptr_t handler);
void forget_message_handler(UserThread& caller);  // exec
// fork: the child has the same handler, and is in it if the parent is.
Result<void> inherit_message_handler(Process& child, UserThread& parent);
// On the way to user mode, with UserThread::work_messages.
void call_message_handler(UserThread& thread, arch::UserRegisters& registers);
// Back to what was interrupted. Error::inval: no handler runs.
Result<void> end_message_handler(UserThread& thread, arch::UserRegisters& registers);

}  // namespace cv6
