// Sending: send(2), unix(7).
#include <algorithm>

#include "net/unix_socket.hpp"
#include "sched/scheduler.hpp"

namespace cv6 {

namespace {

constexpr std::size_t largest_piece = 16 * page_size;  // of a stream, in one message
constexpr std::size_t message_overhead = 32;           // of a message's own bytes this much less than SO_SNDBUF may be

}  // namespace

Result<std::size_t> UnixSocket::send(IoBuffer& from, SendRequest& request) {
  if (is_stream()) return send_bytes(from, request);
  return send_message(from, request);
}

Result<void> UnixSocket::wait_for_room(Blocking blocking, const TimeLimit& limit) {
  while (true) {
    if (was_reset_.load(std::memory_order_relaxed)) TRY(take_error());
    if (has(no_sending)) return is_stream() ? Error::pipe : Error::pipe_unsignalled;
    if (has_room()) return {};
    if (blocking == Blocking::no) return Error::again;
    TRY(limit.wait(writable_, [this] { return has_room() || has(no_sending) || was_reset_.load(std::memory_order_relaxed); }));
  }
}

Result<std::size_t> UnixSocket::send_bytes(IoBuffer& from, SendRequest& request) {
  if (!request.to.empty()) return connected() ? Error::isconn : Error::opnotsupp;
  if (!connected()) return Error::notconn;
  if (has(no_sending)) [[unlikely]] return Error::pipe;
  const TimeLimit limit(send_timeout.load(std::memory_order_relaxed));
  std::size_t sent = 0;
  if (from.empty()) return sent;
  while (true) {
    const std::size_t size = std::min(from.remaining(), largest_piece);
    const auto outcome = [&]() -> Result<void> {
      TRY(wait_for_room(request.blocking, limit));
      return deliver(TRY(SocketMessage::create(from, size)), request, *peer_);
    }();
    if (!outcome) return sent ? Result<std::size_t>(sent) : outcome.error();
    sent += size;
    if (from.empty()) return sent;
    // A signal counts when it would have had to wait: somebody may receive as fast as this sends.
    if (!sched::may_go_on() && sent >= send_limit()) return sent;
  }
}

// --- messages --------------------------------------------------------------------------------------------------------

// Where a message goes that is sent without a name, or to one.
Result<Ref<UnixSocket>> UnixSocket::find_receiver(SendRequest& request) {
  if (!makes_connections() && !request.to.empty()) return SocketName::find(request.to, type_, *request.caller);
  Ref<UnixSocket> receiver = peer();
  if (!receiver) return Error::notconn;
  return receiver;
}

Result<std::size_t> UnixSocket::send_message(IoBuffer& from, SendRequest& request) {
  if (makes_connections() ? !connected() : request.to.empty() && !peer()) return Error::notconn;
  const std::size_t size = from.remaining();
  if (size > send_limit() - message_overhead) return Error::msgsize;
  TRY(wait_for_room(request.blocking, TimeLimit(send_timeout.load(std::memory_order_relaxed))));
  Own<SocketMessage> message = TRY(SocketMessage::create(from, size));
  const Ref<UnixSocket> receiver = TRY(find_receiver(request));
  const auto delivered = deliver(std::move(message), request, *receiver);
  if (delivered) return size;
  if (delivered.error() == Error::connrefused && request.to.empty()) TRY(disconnect());
  return delivered.error();
}

// --- on the way ------------------------------------------------------------------------------------------------------

Result<void> UnixSocket::attach(SocketMessage& message, SendRequest& request, UnixSocket& receiver) {
  const bool wanted = pass_credentials.load(std::memory_order_relaxed) ||
                      receiver.pass_credentials.load(std::memory_order_relaxed) || receiver.has(is_unaccepted);
  if (!wanted && !request.credentials.pid && !request.files) [[likely]] return {};
  message.ancillary = TRY(make_own<SocketAncillary>());
  if (request.credentials.pid) {
    message.ancillary->credentials = request.credentials;
  } else if (wanted) {
    const SocketUser user = current_socket_user();
    message.ancillary->credentials = {user.pid, user.credentials->ids().user, user.credentials->ids().group};
  }
  if (!request.files) return {};
  TRY(request.files->depart(receiver, *request.container));
  message.ancillary->files = std::move(request.files);
  return {};
}

Result<void> UnixSocket::deliver(Own<SocketMessage> message, SendRequest& request, UnixSocket& receiver) {
  TRY(attach(*message, request, receiver));
  message->sender = Ref<UnixSocket>(this);
  const std::size_t weight = message->weight();
  sent_.fetch_add(weight, std::memory_order_relaxed);
  const auto queued = receiver.enqueue(message);
  if (!queued) {
    no_longer_under_way(weight);
    return queued;
  }
  receiver.readable_.wake_all();
  return {};
}

// Leaves the message to the caller where it is refused.
Result<void> UnixSocket::enqueue(Own<SocketMessage>& message) {
  SpinGuard guard(lock_);
  const State state = state_.load(std::memory_order_relaxed);
  if (state & (is_closed | no_receiving)) [[unlikely]] {
    if (is_stream()) return Error::pipe;
    return state & is_closed && !makes_connections() ? Error::connrefused : Error::pipe_unsignalled;
  }
  if (!makes_connections() && peer_ && peer_ != message->sender) return Error::perm;
  queued_bytes_.fetch_add(message->size(), std::memory_order_relaxed);
  queue_.push_back(*message.release());
  queue_length_.store(queue_length_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  return {};
}

// Who waits for room goes on when three quarters of it are free: not for each message.
void UnixSocket::no_longer_under_way(std::size_t weight) {
  const std::uint64_t before = sent_.fetch_sub(weight, std::memory_order_acq_rel);
  const std::uint64_t enough = send_limit() / 4;
  if (before > enough && before - weight <= enough) writable_.wake_all();
}

}  // namespace cv6
