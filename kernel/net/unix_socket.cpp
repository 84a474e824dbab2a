#include "net/unix_socket.hpp"

namespace cv6 {

UnixSocket::~UnixSocket() { CV6_DEBUG_ASSERT(queue_length_.load(std::memory_order_relaxed) == 0); }

Result<UnixSocket::Pair> UnixSocket::make_pair(SocketType type, const SocketUser& user) {
  Pair pair{TRY(make<UnixSocket>(type)), TRY(make<UnixSocket>(type))};
  pair.first->set_peer(pair.second);
  pair.second->set_peer(pair.first);
  for (UnixSocket* end : {pair.first.get(), pair.second.get()}) {
    end->set_peer_user(user);
    end->add_state(is_connected);
  }
  return pair;
}

// --- the end ---------------------------------------------------------------------------------------------------------

void UnixSocket::close() {
  Ref<SocketName> name;
  Ref<UnixSocket> other;
  bool lost_data;
  {
    SpinGuard guard(lock_);
    // From here on nothing is added to the queues.
    add_state(is_closed | no_receiving | no_sending);
    name = name_;  // stays for those who ask whom they were connected to, or who sent what they receive
    lost_data = !queue_.empty();
  }
  if (name && has(is_bound)) name->unbind();
  close_unaccepted();
  if (makes_connections())
    if (UnixSocket* end = peer_.get()) end->other_end_closed(lost_data || has(is_unaccepted));
  drop_queue();
  {
    SpinGuard guard(lock_);
    std::swap(other, peer_);
  }
  writable_.wake_all();  // who waits for room at a listening socket
}

void UnixSocket::other_end_closed(bool lost_data) {
  {
    SpinGuard guard(lock_);
    if (lost_data) was_reset_.store(true, std::memory_order_relaxed);
    add_state(no_receiving | no_sending);
  }
  readable_.wake_all();
  writable_.wake_all();
}

void UnixSocket::close_unaccepted() {
  while (true) {
    Ref<UnixSocket> connection;
    {
      SpinGuard guard(lock_);
      UnixSocket* first = connections_.pop_front();
      if (!first) return;
      connection = Ref<UnixSocket>::adopt(first);
      queue_length_.fetch_sub(1, std::memory_order_relaxed);
    }
    connection->close();
    passing::stop_waiting(*connection);
  }
}

void UnixSocket::shutdown(Shutdown how) {
  const State bits = how == Shutdown::receiving ? no_receiving : how == Shutdown::sending ? no_sending : no_receiving | no_sending;
  {
    SpinGuard guard(lock_);
    add_state(bits);
  }
  readable_.wake_all();
  writable_.wake_all();
  if (!makes_connections() || !connected()) return;
  UnixSocket& other = *peer_;
  {
    SpinGuard guard(other.lock_);
    other.add_state((bits & no_receiving ? no_sending : 0) | (bits & no_sending ? no_receiving : 0));
  }
  other.readable_.wake_all();
  other.writable_.wake_all();
}

// --- state -----------------------------------------------------------------------------------------------------------

Result<void> UnixSocket::take_error() {
  if (was_reset_.load(std::memory_order_acquire) && was_reset_.exchange(false, std::memory_order_acq_rel))
    return Error::connreset;
  return {};
}

PollEvents UnixSocket::poll(PollWaiters* waiters) {
  if (waiters) {
    waiters->watch(readable_);
    waiters->watch(writable_);
  }
  const State state = state_.load(std::memory_order_acquire);
  PollEvents events = 0;
  if (was_reset_.load(std::memory_order_relaxed)) events |= poll_event::error;
  if (state & no_receiving) events |= poll_event::read_hang_up | poll_event::readable;
  if (state & no_receiving && state & no_sending) events |= poll_event::hang_up;
  if (makes_connections() && !(state & (is_connected | is_listening))) events |= poll_event::hang_up;
  if (queue_length_.load(std::memory_order_acquire) != 0) events |= poll_event::readable;
  if (!(state & is_listening) && bytes_under_way() <= send_limit() / 4) events |= poll_event::writable | poll_event::write_band;
  return events;
}

Result<std::size_t> UnixSocket::receivable_bytes() {
  if (listening()) return Error::inval;
  if (makes_connections()) return queued_bytes_.load(std::memory_order_relaxed);
  SpinGuard guard(lock_);
  const SocketMessage* next = queue_.front();
  return next ? next->size() : 0;
}

void UnixSocket::set_send_limit(std::uint32_t bytes) {
  send_limit_.store(bytes, std::memory_order_relaxed);
  writable_.wake_all();
}

}  // namespace cv6
