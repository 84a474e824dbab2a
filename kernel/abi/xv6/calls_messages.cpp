// Messages and barriers of xv6 programs.
#include "abi/support.hpp"
#include "abi/xv6/arguments.hpp"
#include "abi/xv6/handlers.hpp"
#include "task/barrier.hpp"
#include "task/messages.hpp"

namespace cv6::xv6_abi {

// Who sends is what the sender says: the receiver is told only what is in the message.
Result<long> sys_send(Context& context, int, int receiver, UserPtr<MessageBytes> message) {
  TRY(check_memory(context, message.address(), sizeof(MessageBytes)));
  TRY(send_letter(context.process, receiver, TRY(message.read())));
  return 0;
}

Result<long> sys_recv(Context& context, UserPtr<MessageBytes> message) {
  TRY(check_memory(context, message.address(), sizeof(MessageBytes)));
  TRY(message.write(TRY(next_letter(context.process))));
  drop_letter(context.process);
  return 0;
}

Result<long> sys_send_multi(Context& context, int, UserPtr<int> receivers, UserPtr<MessageBytes> message, int count) {
  constexpr int most = 4096;
  if (count < 0 || count > most) return Error::inval;
  TRY(check_memory(context, message.address(), sizeof(MessageBytes)));
  const MessageBytes bytes = TRY(message.read());
  Vector<int> pids;
  TRY(pids.resize(static_cast<std::size_t>(count)));
  if (count) TRY(check_memory(context, receivers.address(), count * static_cast<std::int64_t>(sizeof(int))));
  TRY(receivers.read_array(pids));
  TRY(send_notes(context.process, pids, bytes));
  return 0;
}

Result<long> sys_sigset(Context& context, unsigned handler) {
  TRY(set_message_handler(context.thread, handler));
  return 0;
}

// What was interrupted goes on with its own registers.
Result<long> sys_sigret(Context& context) {
  TRY(end_message_handler(context.thread, context.registers));
  return context.registers.result();
}

Result<long> sys_barrier_init(Context& context, int parties) {
  if (parties <= 0) return Error::inval;
  context.process.barrier = TRY(make<Barrier>(static_cast<unsigned>(parties)));
  return 0;
}

Result<long> sys_barrier(Context& context) {
  const Ref<Barrier> barrier = context.process.barrier;
  if (!barrier) return Error::inval;
  TRY(barrier->wait());
  return 0;
}

}  // namespace cv6::xv6_abi
