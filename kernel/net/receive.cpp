// Receiving: recv(2), unix(7).
#include <algorithm>

#include "net/unix_socket.hpp"
#include "sched/pace.hpp"

namespace cv6 {

namespace {

constexpr unsigned messages_between_yields = 64;

}  // namespace

Result<std::size_t> UnixSocket::receive(IoBuffer& to, const ReceiveRequest& request) {
  if (is_stream()) return receive_bytes(to, request);
  return receive_message(to, request);
}

Result<void> UnixSocket::wait_for_message(const TimeLimit& limit) {
  return limit.wait(readable_, [this] {
    return queue_length_.load(std::memory_order_acquire) != 0 || was_reset_.load(std::memory_order_relaxed) || has(no_receiving);
  });
}

// --- the queue; the first messages stay what they are for who holds receiving_ ---------------------------------------

SocketMessage* UnixSocket::first_message() {
  SpinGuard guard(lock_);
  return queue_.front();
}

SocketMessage* UnixSocket::message_after(SocketMessage& message) {
  SpinGuard guard(lock_);
  return queue_.next(message);
}

// The message has arrived.
Own<SocketMessage> UnixSocket::remove(SocketMessage& message) {
  {
    SpinGuard guard(lock_);
    queue_.remove(message);
    queue_length_.store(queue_length_.load(std::memory_order_relaxed) - 1, std::memory_order_release);
  }
  queued_bytes_.fetch_sub(message.size(), std::memory_order_relaxed);
  Own<SocketMessage> gone(&message);
  if (gone->has_files()) gone->ancillary->files->arrive();
  gone->sender->no_longer_under_way(gone->weight());
  return gone;
}

// Of one that is closed, or connected anew.
void UnixSocket::drop_queue() {
  while (drop_first_message()) sched::maybe_yield();
}

bool UnixSocket::drop_first_message() {
  Own<SocketMessage> gone;  // after the mutex
  MutexGuard guard(receiving_);
  SocketMessage* message = first_message();
  if (message) gone = remove(*message);
  return message != nullptr;
}

// Notes down who sent it, and what else came with it: files go to the reception, or stay for the others who peek.
Result<void> UnixSocket::describe(const SocketMessage& message, const ReceiveRequest& request) {
  Reception* reception = request.reception;
  if (!reception) return {};
  if (!reception->has_message) {
    reception->has_message = true;
    reception->from = message.sender->name();
    reception->sender = message.credentials();
  }
  if (!message.has_files()) return {};
  if (request.flags & receive_flag::peek) {
    reception->files = TRY(message.ancillary->files->copy());
  } else {
    message.ancillary->files->arrive();
    reception->files = std::move(message.ancillary->files);
  }
  return {};
}

// --- streams ---------------------------------------------------------------------------------------------------------

// A signal counts when there is nothing to take, or after as much as a socket usually has: somebody may send as fast as this
// receives.

// Bytes of as many messages as there are, up to one that passes files, or one from another sender than the first where that
// is told. 0: there was none, or no room for bytes.
Result<std::size_t> UnixSocket::take_bytes(IoBuffer& to, const ReceiveRequest& request, Boundary& boundary) {
  Own<PassedFiles> not_wanted;  // closed after the mutex
  std::size_t done = 0;
  MutexGuard guard(receiving_);
  sched::Pace pace(messages_between_yields);
  for (SocketMessage* message = first_message(); message && !to.empty();) {
    if (!pace.may_go_on() && done >= default_limit) break;
    const bool told = request.reception && pass_credentials.load(std::memory_order_relaxed);
    if (told && request.reception->has_message && message->credentials() != request.reception->sender) {
      boundary = Boundary::reached;
      break;
    }
    const auto copied = message->copy_to(to);
    if (!copied) return done ? Result<std::size_t>(done) : copied.error();
    done += *copied;
    const bool passes = message->has_files();
    const auto described = describe(*message, request);
    if (!described) return described.error();
    if (passes) boundary = Boundary::reached;
    if (request.flags & receive_flag::peek) {
      message = passes ? nullptr : message_after(*message);
      continue;
    }
    if (message->has_files()) {
      message->ancillary->files->arrive();
      not_wanted = std::move(message->ancillary->files);
    }
    queued_bytes_.fetch_sub(*copied, std::memory_order_relaxed);
    message->take(*copied);
    if (message->size() != 0) break;
    remove(*message);
    message = passes || to.empty() ? nullptr : first_message();
  }
  return done;
}

Result<std::size_t> UnixSocket::receive_bytes(IoBuffer& to, const ReceiveRequest& request) {
  if (!connected()) return Error::inval;
  const bool all = request.flags & receive_flag::wait_all && !(request.flags & receive_flag::peek);
  const std::size_t wanted = all ? to.remaining() : 1;
  const TimeLimit limit(receive_timeout.load(std::memory_order_relaxed));
  std::size_t done = 0;
  const auto so_far = [&](Error error) { return done ? Result<std::size_t>(done) : error; };
  while (true) {
    const State state = state_.load(std::memory_order_acquire);  // first: what was sent before the end is there then
    if (queue_length_.load(std::memory_order_acquire) != 0) {
      Boundary boundary = Boundary::none;
      const auto moved = take_bytes(to, request, boundary);
      if (!moved) return so_far(moved.error());
      done += *moved;
      if (to.empty() || done >= wanted || boundary == Boundary::reached) return done;
      if (!sched::may_go_on() && done >= default_limit) return done;
      continue;
    }
    if (done == 0) TRY(take_error());
    if (state & no_receiving) return done;
    if (request.blocking == Blocking::no) return so_far(Error::again);
    const auto waited = wait_for_message(limit);
    if (!waited) return so_far(waited.error());
  }
}

// --- messages --------------------------------------------------------------------------------------------------------

Result<std::size_t> UnixSocket::take_message(IoBuffer& to, const ReceiveRequest& request, bool& found) {
  Own<SocketMessage> gone;  // after the mutex
  MutexGuard guard(receiving_);
  SocketMessage* message = first_message();
  if (!message) return 0;
  found = true;
  const std::size_t size = message->size();
  const std::size_t room = to.remaining();
  const auto copied = message->copy_to(to);
  const auto described = describe(*message, request);
  if (!(request.flags & receive_flag::peek)) gone = remove(*message);
  TRY(described);
  if (!copied) return copied.error();
  if (request.reception) {
    request.reception->whole_size = size;
    request.reception->truncated = size > room;
  }
  return *copied;
}

Result<std::size_t> UnixSocket::receive_message(IoBuffer& to, const ReceiveRequest& request) {
  if (makes_connections() && !connected()) return Error::notconn;
  const TimeLimit limit(receive_timeout.load(std::memory_order_relaxed));
  while (true) {
    const State state = state_.load(std::memory_order_acquire);
    if (queue_length_.load(std::memory_order_acquire) != 0) {
      bool found = false;
      const auto moved = take_message(to, request, found);
      if (!moved || found) return moved;
      continue;
    }
    TRY(take_error());
    // The end, for who would wait for more, and of a connection for everybody.
    if (state & no_receiving && (makes_connections() || request.blocking == Blocking::yes)) return 0;
    if (request.blocking == Blocking::no) return Error::again;
    TRY(wait_for_message(limit));
  }
}

}  // namespace cv6
