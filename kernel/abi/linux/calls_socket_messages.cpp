// Data through sockets: send(2), sendmsg(2), sendmmsg(2), recv(2), recvmsg(2), recvmmsg(2).
#include <algorithm>

#include "abi/linux/control_messages.hpp"
#include "abi/linux/handlers.hpp"
#include "abi/linux/pieces.hpp"
#include "abi/linux/times.hpp"
#include "sched/pace.hpp"
#include "task/send_signal.hpp"

namespace cv6::linux_abi {
namespace {

Blocking blocking_of(const SocketUse& socket, unsigned flags) {
  return flags & msg_dontwait ? Blocking::no : socket.file().blocking();
}

// --- sending ---------------------------------------------------------------------------------------------------------

Result<long> send_to(Context& context, const SocketUse& socket, IoBuffer& from, const NameFromUser& name, SendRequest& request,
                     unsigned flags) {
  if (flags & msg_oob) return Error::opnotsupp;
  request.blocking = blocking_of(socket, flags);
  std::optional<SocketCaller> caller;
  // A connection's name is known: it is not asked which one is given instead.
  if (name.given() && socket->type() == SocketType::stream) return socket->connected() ? Error::isconn : Error::opnotsupp;
  if (name.given() && socket->type() == SocketType::datagram) {
    request.to = TRY(name.bytes());
    caller.emplace(TRY(naming_caller(context, socket.file())));
    request.caller = &*caller;
  }
  const auto sent = socket->send(from, request);
  if (sent) return static_cast<long>(*sent);
  if (sent.error() == Error::pipe && !(flags & msg_nosignal)) signal_self(context.thread, signal::pipe);
  return sent.error();
}

struct Moved {
  long size;
  bool all = true;  // false: of a stream's message the rest was not sent
};

Result<Moved> send_message(Context& context, const SocketUse& socket, const MessageHeader& header, unsigned flags) {
  NameFromUser name;
  if (header.name_size < 0) return Error::inval;
  if (header.name) TRY(name.read(UserBytes(header.name), std::min(header.name_size, sockaddr_storage_size)));
  if (header.piece_count > iov_max) return Error::msgsize;
  Pieces pieces;
  IoBuffer from(TRY(pieces.read(UserPtr<Iovec>(header.pieces), static_cast<long>(header.piece_count))));
  SendRequest request;
  if (header.control) TRY(read_control(context, header.control, header.control_size, request));
  const long sent = TRY(send_to(context, socket, from, name, request, flags));
  return Moved{sent, from.empty()};
}

// --- receiving -------------------------------------------------------------------------------------------------------

// The bytes, or of a message that is cut its whole size, if that is asked for.
Result<long> receive_from(const SocketUse& socket, IoBuffer& to, Reception& reception, unsigned flags) {
  if (flags & msg_oob) return Error::opnotsupp;
  ReceiveRequest request{.blocking = blocking_of(socket, flags), .reception = &reception};
  if (flags & msg_peek) request.flags |= receive_flag::peek;
  if (flags & msg_waitall) request.flags |= receive_flag::wait_all;
  const std::size_t received = TRY(socket->receive(to, request));
  return static_cast<long>(flags & msg_trunc && reception.truncated ? reception.whole_size : received);
}

Result<long> receive_message(Context& context, const SocketUse& socket, UserPtr<MessageHeader> pointer, MessageHeader& header,
                             unsigned flags) {
  if (header.piece_count > iov_max) return Error::msgsize;
  if (header.name_size < 0) return Error::inval;
  Pieces pieces;
  IoBuffer to(TRY(pieces.read(UserPtr<Iovec>(header.pieces), static_cast<long>(header.piece_count))));
  Reception reception;
  const long received = TRY(receive_from(socket, to, reception, flags));
  const CloseOnExec close_on_exec = flags & msg_cmsg_cloexec ? CloseOnExec::yes : CloseOnExec::no;
  const ControlWritten control =
      TRY(write_control(context, *socket, reception, header.control, header.control_size, close_on_exec));
  const auto field = [&](std::size_t offset) { return pointer.address() + offset; };
  if (header.name)
    TRY(write_name(reception.from, Unnamed::is_nothing, UserBytes(header.name),
                   UserPtr<int>(field(offsetof(MessageHeader, name_size)))));
  const unsigned told = (flags & msg_cmsg_cloexec) | (reception.truncated ? msg_trunc : 0) | (control.cut ? msg_ctrunc : 0);
  TRY(UserPtr<std::uint32_t>(field(offsetof(MessageHeader, flags))).write(told));
  TRY(UserPtr<std::uint64_t>(field(offsetof(MessageHeader, control_size))).write(control.size));
  return received;
}

// --- many messages ---------------------------------------------------------------------------------------------------

constexpr unsigned messages_between_yields = 8;

// Calls one(message) for each, until one fails, is cut, or a signal comes: then what was done before counts, if there was
// anything.
template <class One>
Result<long> for_each_message(UserPtr<ManyMessageHeader> messages, unsigned count, One one) {
  count = std::min(count, iov_max);
  sched::Pace pace(messages_between_yields);
  for (unsigned done = 0; done < count; ++done) {
    if (!pace.may_go_on()) return done;
    const UserPtr<ManyMessageHeader> at = messages + done;
    const auto outcome = [&]() -> Result<Moved> {
      const Moved moved = TRY(one(UserPtr<MessageHeader>(at.address())));
      const auto size = static_cast<std::uint32_t>(moved.size);
      TRY(UserPtr<std::uint32_t>(at.address() + offsetof(ManyMessageHeader, size)).write(size));
      return moved;
    }();
    if (!outcome) return done ? Result<long>(done) : outcome.error();
    if (!outcome->all) return done + 1;
  }
  return count;
}

}  // namespace

// --- the calls -------------------------------------------------------------------------------------------------------

Result<long> sys_sendto(Context& context, Descriptor descriptor, UserBytes from, std::size_t count, Flags flags,
                        UserBytes name_pointer, int name_size) {
  if (!arch::is_user_range(from.address(), count)) return Error::fault;
  const SocketUse socket = TRY(SocketUse::of(context, descriptor));
  NameFromUser name;
  if (name_pointer) TRY(name.read(name_pointer, name_size));
  IoBuffer buffer(from.address(), std::min(count, max_transfer));
  SendRequest request;
  return send_to(context, socket, buffer, name, request, flags.bits);
}

Result<long> sys_recvfrom(Context& context, Descriptor descriptor, UserBytes to, std::size_t count, Flags flags, UserBytes name,
                          UserPtr<int> name_size) {
  if (!arch::is_user_range(to.address(), count)) return Error::fault;
  const SocketUse socket = TRY(SocketUse::of(context, descriptor));
  IoBuffer buffer(to.address(), std::min(count, max_transfer));
  Reception reception;
  const long received = TRY(receive_from(socket, buffer, reception, flags.bits));
  if (name) TRY(write_name(reception.from, Unnamed::is_nothing, name, name_size));
  return received;
}

Result<long> sys_sendmsg(Context& context, Descriptor descriptor, UserPtr<MessageHeader> message, Flags flags) {
  const SocketUse socket = TRY(SocketUse::of(context, descriptor));
  return TRY(send_message(context, socket, TRY(message.read()), flags.bits)).size;
}

Result<long> sys_recvmsg(Context& context, Descriptor descriptor, UserPtr<MessageHeader> message, Flags flags) {
  const SocketUse socket = TRY(SocketUse::of(context, descriptor));
  MessageHeader header = TRY(message.read());
  return receive_message(context, socket, message, header, flags.bits);
}

Result<long> sys_sendmmsg(Context& context, Descriptor descriptor, UserPtr<ManyMessageHeader> messages, unsigned count,
                          Flags flags) {
  const SocketUse socket = TRY(SocketUse::of(context, descriptor));
  return for_each_message(messages, count, [&](UserPtr<MessageHeader> message) -> Result<Moved> {
    return send_message(context, socket, TRY(message.read()), flags.bits);
  });
}

// The timeout is looked at after each message only, as Linux does (recvmmsg(2), BUGS).
Result<long> sys_recvmmsg(Context& context, Descriptor descriptor, UserPtr<ManyMessageHeader> messages, unsigned count,
                          Flags flags, UserPtr<Timespec> timeout) {
  const SocketUse socket = TRY(SocketUse::of(context, descriptor));
  Nanoseconds deadline = never;
  if (timeout) deadline = deadline_after(arch::monotonic_now(), TRY(duration_from(TRY(timeout.read()))));
  unsigned bits = flags.bits;
  bool over = false;
  const auto received = for_each_message(messages, count, [&](UserPtr<MessageHeader> message) -> Result<Moved> {
    if (over) return Error::again;
    MessageHeader header = TRY(message.read());
    const long size = TRY(receive_message(context, socket, message, header, bits & ~msg_waitforone));
    if (bits & msg_waitforone) bits |= msg_dontwait;
    over = deadline != never && arch::monotonic_now() >= deadline;
    return Moved{size};
  });
  if (received && timeout && deadline != never)
    TRY(timeout.write(timespec_of(std::max<Nanoseconds>(deadline - arch::monotonic_now(), 0))));
  return received;
}

}  // namespace cv6::linux_abi
