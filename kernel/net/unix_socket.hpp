// Sockets of the family AF_UNIX, unix(7): an end of a connection, or a mailbox of messages.
//
// Every socket has a queue of messages that came for it (net/socket_message.hpp); of a stream, their borders do not count
// for who reads. A sender makes a message by itself and hangs it into the receiver's queue; what a socket has under way is
// bounded by its own SO_SNDBUF, and memory is charged to who sends.
//
// States (streams and sequenced messages):
//   fresh --listen--> listening;   fresh --connect, pair, accept--> connected, for ever
//   A connection that waits to be accepted is a socket already, held by the listening one. Data can be sent to it.
// `no_receiving` and `no_sending` are what shutdown(2) set, on both sides; the other end's close sets both. `closed`: its
// last file is gone; messages to it are refused. Datagram sockets are fresh or connected, and can change that.
//
// Ownership: an open file (net/socket_file.hpp) holds its socket, and closes it. The two ends of a connection hold each
// other, until each is closed; a message in a queue holds its sender, until the queue's owner is closed. So nothing goes in
// a circle but by passed files, which net/passing.hpp prevents.
//
// Locks: lock_ (Rank::sockets; never two at once) covers the queues, and changes of `state_`, `peer_` and the name. Of a
// connection, peer_ does not change while there are calls on it, and is used without; `state_` and counts are read without
// lock. `receiving_` (sleeping) is held by the one reader that copies out of the queue's first messages; `naming_`
// (sleeping) while the socket gets a name or a peer. Neither is held while waiting for others.
#pragma once

#include <atomic>

#include "arch/clock.hpp"
#include "fs/poll.hpp"
#include "net/passing.hpp"
#include "net/socket_message.hpp"
#include "net/socket_name.hpp"

namespace cv6 {

enum class SocketType : std::uint8_t { stream = 1, datagram = 2, sequenced = 5 };  // values as in socket(2)

using ReceiveFlags = std::uint8_t;
namespace receive_flag {
inline constexpr ReceiveFlags peek = 1, wait_all = 2;
}

// What recvmsg(2) tells beside the bytes.
struct Reception {
  bool truncated = false;     // there was more in the message
  bool has_message = false;
  std::size_t whole_size = 0;  // of the message
  Ref<const SocketName> from;  // null: the sender has no name
  SenderIds sender;
  Own<PassedFiles> files;
};

struct ReceiveRequest {
  Blocking blocking = Blocking::yes;
  ReceiveFlags flags = 0;
  Reception* reception = nullptr;  // null: only the bytes are wanted
};

struct SendRequest {
  Blocking blocking = Blocking::yes;
  std::string_view to;                     // a name; empty: the socket that this one is connected to
  const SocketCaller* caller = nullptr;    // null: there is no name
  SenderIds credentials;                   // that the sender chose
  Own<PassedFiles> files;
  Ref<Container> container;                // of who passes files
};

// Until when a call may wait (SO_RCVTIMEO, SO_SNDTIMEO: socket(7)).
class TimeLimit {
 public:
  explicit TimeLimit(Nanoseconds timeout) : deadline_(never) {
    if (timeout != never && __builtin_add_overflow(arch::monotonic_now(), timeout, &deadline_)) deadline_ = never - 1;
  }
  // Error::again: it has passed. Error::restart_if_asked, Error::intr: a signal came; with a limit the call is not made again
  // (signal(7)).
  template <class Condition>
  Result<void> wait(WaitQueue& queue, Condition condition) const {
    const auto waited = queue.wait(condition, Wait::interruptible, deadline_);
    if (waited) return {};
    if (waited.error() == Error::timedout) return Error::again;
    return deadline_ == never ? Error::restart_if_asked : Error::intr;
  }

 private:
  Nanoseconds deadline_;
};

class UnixSocket : public Counted<UnixSocket>, public Charged<UnixSocket, "unix_socket"> {
 public:
  explicit UnixSocket(SocketType type) : type_(type) {}
  ~UnixSocket();
  // socketpair(2).
  struct Pair {
    Ref<UnixSocket> first, second;
  };
  static Result<Pair> make_pair(SocketType type, const SocketUser& user);
  // The last file is gone.
  void close();

  SocketType type() const { return type_; }
  bool connected() const { return has(is_connected); }
  bool listening() const { return has(is_listening); }

  // --- data (send.cpp, receive.cpp). Errors as in send(2), recv(2); a partial transfer is a success --------------------
  // Error::pipe: SIGPIPE is due, if the caller wants it.
  Result<std::size_t> send(IoBuffer& from, SendRequest& request);
  Result<std::size_t> receive(IoBuffer& to, const ReceiveRequest& request);

  // --- names and connections (connect.cpp) ------------------------------------------------------------------------------
  Result<void> bind(std::string_view name, const SocketCaller& caller);  // empty: any abstract name
  Result<void> listen(int backlog, const SocketUser& user);
  Result<void> connect(std::string_view name, const SocketCaller& caller, Blocking blocking);
  Result<void> disconnect();  // a datagram socket
  Result<Ref<UnixSocket>> accept(Blocking blocking);
  // What accept() returned has been given to the program; or could not be: the next accept gets it.
  void note_accepted(UnixSocket& connection);
  void put_back(Ref<UnixSocket> connection);
  // Null: none.
  Ref<const SocketName> name() const;
  Result<Ref<const SocketName>> peer_name() const;  // Error::notconn
  SocketUser peer_user() const;                     // SO_PEERCRED; a null pid: nobody

  enum class Shutdown : std::uint8_t { receiving, sending, both };  // values as in shutdown(2)
  void shutdown(Shutdown how);

  // --- state ------------------------------------------------------------------------------------------------------------
  PollEvents poll(PollWaiters* waiters);
  Result<std::size_t> receivable_bytes();  // SIOCINQ. Error::inval: it listens
  std::size_t bytes_under_way() const { return sent_.load(std::memory_order_relaxed); }
  // SO_ERROR: the error that nobody has been told yet, if there is one.
  Result<void> take_error();

  // --- options: bytes, and never for no limit in time -------------------------------------------------------------------
  static constexpr std::uint32_t default_limit = 212992;
  std::uint32_t send_limit() const { return send_limit_.load(std::memory_order_relaxed); }
  void set_send_limit(std::uint32_t bytes);
  std::atomic<std::uint32_t> receive_limit{default_limit};  // is only told: what comes is bounded where it is sent
  std::atomic<Nanoseconds> send_timeout{never}, receive_timeout{never};
  std::atomic<bool> pass_credentials{false};  // SO_PASSCRED
  std::atomic<std::uint32_t> remembered{0};   // options that mean nothing here, but are kept: bits of their numbers
  std::atomic<int> linger{-1};                // SO_LINGER, which means nothing here either: seconds; -1: off

  // --- for messages -----------------------------------------------------------------------------------------------------
  PassingState& passing() { return passing_; }

 private:
  using State = std::uint32_t;
  static constexpr State is_connected = 1, is_listening = 2, no_receiving = 4, no_sending = 8, is_closed = 16;
  static constexpr State is_unaccepted = 32;  // a connection that waits
  static constexpr State is_bound = 64;       // by bind(2), not by the socket that it was accepted from
  bool has(State bits) const { return state_.load(std::memory_order_acquire) & bits; }
  void add_state(State bits) { state_.fetch_or(bits, std::memory_order_acq_rel); }
  bool is_stream() const { return type_ == SocketType::stream; }
  bool makes_connections() const { return type_ != SocketType::datagram; }

  // send.cpp
  Result<std::size_t> send_bytes(IoBuffer& from, SendRequest& request);
  Result<std::size_t> send_message(IoBuffer& from, SendRequest& request);
  Result<Ref<UnixSocket>> find_receiver(SendRequest& request);
  Result<void> wait_for_room(Blocking blocking, const TimeLimit& limit);
  bool has_room() const { return sent_.load(std::memory_order_relaxed) < send_limit(); }
  Result<void> attach(SocketMessage& message, SendRequest& request, UnixSocket& receiver);
  Result<void> deliver(Own<SocketMessage> message, SendRequest& request, UnixSocket& receiver);
  Result<void> enqueue(Own<SocketMessage>& message);
  void no_longer_under_way(std::size_t weight);
  // receive.cpp
  enum class Boundary : std::uint8_t { none, reached };
  Result<std::size_t> receive_bytes(IoBuffer& to, const ReceiveRequest& request);
  Result<std::size_t> take_bytes(IoBuffer& to, const ReceiveRequest& request, Boundary& boundary);
  Result<std::size_t> receive_message(IoBuffer& to, const ReceiveRequest& request);
  Result<std::size_t> take_message(IoBuffer& to, const ReceiveRequest& request, bool& found);
  Result<void> describe(const SocketMessage& message, const ReceiveRequest& request);
  Result<void> wait_for_message(const TimeLimit& limit);
  SocketMessage* first_message();
  SocketMessage* message_after(SocketMessage& message);
  Own<SocketMessage> remove(SocketMessage& message);
  void drop_queue();
  bool drop_first_message();  // false: there is none
  // connect.cpp
  Result<void> ensure_name(const SocketCaller& caller);
  Result<void> connect_connection(std::string_view name, const SocketCaller& caller, Blocking blocking);
  Result<void> connect_datagrams(std::string_view name, const SocketCaller& caller);
  Result<bool> try_to_connect(UnixSocket& listener, UnixSocket& connection, const SocketUser& user);
  void take_name_of(const UnixSocket& listener);
  bool has_full_backlog() const;
  Result<bool> queue_connection(UnixSocket& connection);
  Ref<UnixSocket> take_connection();
  void set_peer(Ref<UnixSocket> peer);
  void set_peer_user(SocketUser user);
  Ref<UnixSocket> peer() const;
  void other_end_closed(bool lost_data);
  void close_unaccepted();

  const SocketType type_;
  std::atomic<State> state_{0};
  std::atomic<bool> was_reset_{false};          // Error::connreset is to be reported once
  std::atomic<std::uint32_t> queue_length_{0};  // messages, or connections that wait
  std::atomic<std::uint64_t> queued_bytes_{0};
  std::atomic<std::uint32_t> send_limit_{default_limit};
  std::atomic<std::uint64_t> sent_{0};          // the weight of messages under way

  mutable SpinLock lock_{Rank::sockets};
  List<SocketMessage, &SocketMessage::node> queue_ GUARDED_BY(lock_);
  Ref<UnixSocket> peer_;
  Ref<SocketName> name_ GUARDED_BY(lock_);
  SocketUser peer_user_ GUARDED_BY(lock_);
  std::uint32_t backlog_ GUARDED_BY(lock_) = 0;

  Mutex receiving_, naming_;
  WaitQueue readable_;  // something came, or nothing more comes
  WaitQueue writable_;  // what was under way has arrived, or nothing can be sent any more; of a listening one: there is room
  PassingState passing_;

 public:
  ListNode node;  // in the listening socket's list, which holds one count

 private:
  List<UnixSocket, &UnixSocket::node> connections_ GUARDED_BY(lock_);  // that wait
};

}  // namespace cv6
