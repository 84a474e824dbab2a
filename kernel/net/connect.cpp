// Names and connections: bind(2), listen(2), connect(2), accept(2), unix(7).
#include <algorithm>

#include "net/unix_socket.hpp"

namespace cv6 {

namespace {

constexpr std::uint32_t longest_backlog = 4096;  // /proc/sys/net/core/somaxconn

}  // namespace

// --- names -----------------------------------------------------------------------------------------------------------

Ref<const SocketName> UnixSocket::name() const {
  SpinGuard guard(lock_);
  return name_;
}

Result<Ref<const SocketName>> UnixSocket::peer_name() const {
  const Ref<UnixSocket> other = peer();
  if (!other) return Error::notconn;
  return other->name();
}

SocketUser UnixSocket::peer_user() const {
  SpinGuard guard(lock_);
  return peer_user_;
}

Result<void> UnixSocket::bind(std::string_view name, const SocketCaller& caller) {
  MutexGuard guard(naming_);
  if (this->name()) return name.empty() ? Result<void>() : Error::inval;
  Ref<SocketName> bound = name.empty() ? TRY(SocketName::bind_to_any(*this, caller.container))
                                       : TRY(SocketName::bind(*this, name, caller));
  SpinGuard state(lock_);
  name_ = std::move(bound);
  add_state(is_bound);
  return {};
}

// Who is to be told of by name must have one: unix(7), SO_PASSCRED.
Result<void> UnixSocket::ensure_name(const SocketCaller& caller) {
  if (!pass_credentials.load(std::memory_order_relaxed)) return {};
  return bind({}, caller);
}

// --- peers -----------------------------------------------------------------------------------------------------------

void UnixSocket::set_peer(Ref<UnixSocket> peer) {
  SpinGuard guard(lock_);
  std::swap(peer_, peer);
}

void UnixSocket::set_peer_user(SocketUser user) {
  SpinGuard guard(lock_);
  std::swap(peer_user_, user);
}

Ref<UnixSocket> UnixSocket::peer() const {
  SpinGuard guard(lock_);
  return peer_;
}

Result<void> UnixSocket::connect(std::string_view name, const SocketCaller& caller, Blocking blocking) {
  TRY(ensure_name(caller));
  if (makes_connections()) return connect_connection(name, caller, blocking);
  return connect_datagrams(name, caller);
}

Result<void> UnixSocket::connect_datagrams(std::string_view name, const SocketCaller& caller) {
  const Ref<UnixSocket> other = TRY(SocketName::find(name, type_, caller));
  {
    const Ref<UnixSocket> others_peer = other->peer();
    if (others_peer && others_peer != this) return Error::perm;
  }
  TRY(disconnect());
  MutexGuard guard(naming_);
  set_peer(other);
  add_state(is_connected);
  return {};
}

// What came from the former peer is not wanted any more.
Result<void> UnixSocket::disconnect() {
  MutexGuard guard(naming_);
  if (!connected()) return {};
  state_.fetch_and(~is_connected, std::memory_order_acq_rel);
  set_peer(nullptr);
  drop_queue();
  return {};
}

// --- connections -----------------------------------------------------------------------------------------------------

Result<void> UnixSocket::listen(int backlog, const SocketUser& user) {
  if (!makes_connections()) return Error::opnotsupp;
  MutexGuard naming(naming_);
  if (!name() || connected()) return Error::inval;
  set_peer_user(user);
  {
    SpinGuard guard(lock_);
    backlog_ = std::min(static_cast<std::uint32_t>(backlog), longest_backlog);
    add_state(is_listening);
  }
  writable_.wake_all();
  return {};
}

// At a listening socket. False: there is no room.
Result<bool> UnixSocket::queue_connection(UnixSocket& connection) {
  {
    SpinGuard guard(lock_);
    if (has(is_closed | no_receiving) || !listening()) return Error::connrefused;
    if (queue_length_.load(std::memory_order_relaxed) > backlog_) return false;
    connection.hold();
    connections_.push_back(connection);
    queue_length_.fetch_add(1, std::memory_order_release);
  }
  readable_.wake_all();
  return true;
}

// The other end, which the listening socket is to hold, is made ready first: as soon as it waits it may be accepted.
Result<bool> UnixSocket::try_to_connect(UnixSocket& listener, UnixSocket& connection, const SocketUser& user) {
  MutexGuard guard(naming_);
  if (connected()) return Error::isconn;
  if (listening()) return Error::inval;
  connection.take_name_of(listener);
  connection.pass_credentials.store(listener.pass_credentials.load(std::memory_order_relaxed), std::memory_order_relaxed);
  connection.set_peer(Ref<UnixSocket>(this));
  connection.set_peer_user(user);
  connection.add_state(is_connected | is_unaccepted);
  set_peer(Ref<UnixSocket>(&connection));
  passing::wait_at(connection, listener);
  const auto queued = listener.queue_connection(connection);
  if (!queued || !*queued) {
    passing::stop_waiting(connection);
    set_peer(nullptr);
    connection.set_peer(nullptr);
    return queued;
  }
  set_peer_user(listener.peer_user());
  add_state(is_connected);
  return true;
}

void UnixSocket::take_name_of(const UnixSocket& listener) {
  Ref<SocketName> name = [&] {
    SpinGuard guard(listener.lock_);
    return listener.name_;
  }();
  SpinGuard guard(lock_);
  std::swap(name_, name);
}

Result<void> UnixSocket::connect_connection(std::string_view name, const SocketCaller& caller, Blocking blocking) {
  const TimeLimit limit(send_timeout.load(std::memory_order_relaxed));
  while (true) {
    const Ref<UnixSocket> listener = TRY(SocketName::find(name, type_, caller));
    const Ref<UnixSocket> connection = TRY(make<UnixSocket>(type_));
    if (TRY(try_to_connect(*listener, *connection, caller.user))) return {};
    if (blocking == Blocking::no) return Error::again;
    TRY(limit.wait(listener->writable_, [&] { return !listener->has_full_backlog(); }));
  }
}

bool UnixSocket::has_full_backlog() const {
  SpinGuard guard(lock_);
  return !has(is_closed | no_receiving) && queue_length_.load(std::memory_order_relaxed) > backlog_;
}

Result<Ref<UnixSocket>> UnixSocket::accept(Blocking blocking) {
  if (!makes_connections()) return Error::opnotsupp;
  if (!listening()) return Error::inval;
  const TimeLimit limit(receive_timeout.load(std::memory_order_relaxed));
  while (true) {
    if (Ref<UnixSocket> connection = take_connection()) return connection;
    if (blocking == Blocking::no) return Error::again;
    if (has(no_receiving)) return Error::inval;
    TRY(wait_for_message(limit));
  }
}

Ref<UnixSocket> UnixSocket::take_connection() {
  UnixSocket* connection;
  {
    SpinGuard guard(lock_);
    connection = connections_.pop_front();
    if (connection) queue_length_.fetch_sub(1, std::memory_order_relaxed);
  }
  if (connection) writable_.wake_all();
  return Ref<UnixSocket>::adopt(connection);
}

void UnixSocket::note_accepted(UnixSocket& connection) {
  connection.state_.fetch_and(~is_unaccepted, std::memory_order_acq_rel);
  passing::stop_waiting(connection);
}

void UnixSocket::put_back(Ref<UnixSocket> connection) {
  {
    SpinGuard guard(lock_);
    connections_.push_front(*connection.leak());
    queue_length_.fetch_add(1, std::memory_order_release);
  }
  readable_.wake_all();
}

}  // namespace cv6
