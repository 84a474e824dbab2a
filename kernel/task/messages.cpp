#include "task/messages.hpp"

#include <cstring>

#include "task/abi_operations.hpp"
#include "task/process_tree.hpp"

namespace cv6 {

namespace {

void drop_all(Mailbox::Messages& messages) {
  while (Message* message = messages.pop_front()) delete message;
}

// The process has one afterwards. Error::srch: it has ended; nomem.
Result<void> ensure_mailbox(Process& process) {
  {
    SpinGuard guard(process.lock());
    if (process.mailbox) return {};
    if (process.mailbox_closed) return Error::srch;
  }
  Own<Mailbox> fresh = TRY(make_own<Mailbox>());
  SpinGuard guard(process.lock());
  if (process.mailbox_closed) return Error::srch;
  if (!process.mailbox) process.mailbox = {fresh.release(), [](Mailbox* mailbox) { delete mailbox; }};
  return {};
}

// A living process that the caller sees, with a mailbox.
Result<Ref<Process>> find_receiver(Process& caller, int number) {
  if (number <= 0) return Error::srch;
  Ref<Process> receiver = TRY(find_process(caller.container(), number));
  if (receiver->state() != Process::State::alive) return Error::srch;
  TRY(ensure_mailbox(*receiver));
  return receiver;
}

Result<Own<Message>> make_message(Process& receiver, const MessageBytes& bytes) {
  Ref<Container> container = receiver.hold_container();
  if (!container) return Error::srch;
  return Message::create(bytes, std::move(container));
}

// It may be in the middle of something: it is told to look.
void announce_note(Process& receiver) {
  for (UserThread& thread : receiver.threads) {
    thread.add_work(UserThread::work_messages);
    thread.notice_signals();
  }
}

struct Delivery {
  Ref<Process> receiver;
  Own<Message> message;
};

// Room for one more note, which is counted from now on.
Result<void> reserve_room(Process& receiver) {
  SpinGuard guard(receiver.lock());
  if (!receiver.mailbox) return Error::srch;  // it has just ended
  if (receiver.mailbox->note_count == Mailbox::most) return Error::again;
  ++receiver.mailbox->note_count;
  return {};
}

void give_room_back(Process& receiver) {
  SpinGuard guard(receiver.lock());
  if (receiver.mailbox) --receiver.mailbox->note_count;
}

// Room at all of them, or at none.
Result<void> reserve_room(std::span<const Delivery> deliveries) {
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    const auto reserved = reserve_room(*deliveries[i].receiver);
    if (reserved) continue;
    while (i-- > 0) give_room_back(*deliveries[i].receiver);
    return reserved;
  }
  return {};
}

// Where room is reserved. Who ends in between gets nothing more.
void deliver(Delivery& delivery) {
  SpinGuard guard(delivery.receiver->lock());
  if (!delivery.receiver->mailbox) return;
  Mailbox& box = *delivery.receiver->mailbox;
  box.notes.push_back(*delivery.message.release());
  if (box.handler.load(std::memory_order_relaxed)) announce_note(*delivery.receiver);
}

Own<Message> take_note(Process& process) {
  SpinGuard guard(process.lock());
  Mailbox& box = *process.mailbox;
  if (!box.notes.empty()) --box.note_count;
  return Own<Message>(box.notes.pop_front());
}

Result<Own<Interrupted>> make_interrupted() {
  Own<Interrupted> made = TRY(make_own<Interrupted>());
  made->fpu.reset(new (std::nothrow) std::byte[arch::fpu_image_size()]);
  if (!made->fpu) return Error::nomem;
  return made;
}

}  // namespace

Mailbox::~Mailbox() {
  drop_all(letters);
  drop_all(notes);
}

Result<void> send_letter(Process& caller, int number, const MessageBytes& bytes) {
  const Ref<Process> receiver = TRY(find_receiver(caller, number));
  Own<Message> message = TRY(make_message(*receiver, bytes));
  SpinGuard guard(receiver->lock());
  if (!receiver->mailbox) return Error::srch;  // it has just ended
  Mailbox& box = *receiver->mailbox;
  if (box.letter_count == Mailbox::most) return Error::again;
  box.letters.push_back(*message.release());
  ++box.letter_count;
  box.readers.wake_all();
  return {};
}

Result<void> send_notes(Process& caller, std::span<const int> numbers, const MessageBytes& bytes) {
  Vector<Delivery> deliveries;
  TRY(deliveries.reserve(numbers.size()));
  for (const int number : numbers) {
    Ref<Process> receiver = TRY(find_receiver(caller, number));
    Own<Message> message = TRY(make_message(*receiver, bytes));
    TRY(deliveries.push_back({std::move(receiver), std::move(message)}));
  }
  TRY(reserve_room(deliveries));
  for (Delivery& delivery : deliveries) deliver(delivery);
  return {};
}

Result<MessageBytes> next_letter(Process& caller) {
  TRY(ensure_mailbox(caller));
  Mailbox& box = *caller.mailbox;
  MessageBytes bytes;
  const auto arrived = [&] {
    SpinGuard guard(caller.lock());
    const Message* first = box.letters.front();
    if (first) bytes = first->bytes;
    return first != nullptr;
  };
  if (!box.readers.wait(arrived)) return Error::restart_if_asked;
  return bytes;
}

void drop_letter(Process& caller) {
  Own<Message> gone;  // after the lock
  SpinGuard guard(caller.lock());
  gone.reset(caller.mailbox->letters.pop_front());
  if (gone) --caller.mailbox->letter_count;
}

Result<void> set_message_handler(UserThread& caller, std::uintptr_t handler) {
  Process& process = caller.process();
  TRY(ensure_mailbox(process));
  Mailbox& box = *process.mailbox;
  if (handler && !box.interrupted) box.interrupted = TRY(make_interrupted());
  SpinGuard guard(process.lock());
  box.handler.store(handler, std::memory_order_relaxed);
  if (handler && !box.notes.empty()) caller.add_work(UserThread::work_messages);
  return {};
}

void forget_message_handler(UserThread& caller) {
  Process& process = caller.process();
  if (!process.mailbox) return;
  process.mailbox->handler.store(0, std::memory_order_relaxed);
  if (process.mailbox->interrupted) process.mailbox->interrupted->active = false;
}

Result<void> inherit_message_handler(Process& child, UserThread& parent) {
  const Mailbox* box = parent.process().mailbox.get();
  if (!box || !box->handler.load(std::memory_order_relaxed)) return {};
  TRY(ensure_mailbox(child));
  child.mailbox->interrupted = TRY(make_interrupted());
  child.mailbox->handler.store(box->handler.load(std::memory_order_relaxed), std::memory_order_relaxed);
  const Interrupted& from = *box->interrupted;
  if (!from.active) return {};
  Interrupted& to = *child.mailbox->interrupted;
  to.active = true;
  to.registers = from.registers;
  to.timed_restart = from.timed_restart;
  std::memcpy(to.fpu.get(), from.fpu.get(), arch::fpu_image_size());
  return {};
}

void call_message_handler(UserThread& thread, arch::UserRegisters& registers) {
  thread.remove_work(UserThread::work_messages);
  Process& process = thread.process();
  Mailbox* box = process.mailbox.get();
  if (!box) return;
  const std::uintptr_t handler = box->handler.load(std::memory_order_relaxed);
  if (!handler || box->interrupted->active) return;
  MessageBytes bytes;
  {
    const Own<Message> note = take_note(process);  // not held below: the call may end the process
    if (!note) return;
    bytes = note->bytes;
  }
  Interrupted& interrupted = *box->interrupted;
  interrupted.active = true;
  interrupted.registers = registers;
  interrupted.timed_restart = thread.timed_restart;
  std::memcpy(interrupted.fpu.get(), thread.save_fpu(), arch::fpu_image_size());
  process.abi().enter_message_handler(thread, registers, handler, bytes);
}

Result<void> end_message_handler(UserThread& thread, arch::UserRegisters& registers) {
  Process& process = thread.process();
  Mailbox* box = process.mailbox.get();
  if (!box || !box->interrupted || !box->interrupted->active) return Error::inval;
  Interrupted& interrupted = *box->interrupted;
  interrupted.active = false;
  registers = interrupted.registers;
  thread.timed_restart = interrupted.timed_restart;
  std::memcpy(thread.change_fpu(), interrupted.fpu.get(), arch::fpu_image_size());
  thread.add_work(UserThread::work_messages);  // there may be more
  return {};
}

}  // namespace cv6
