// Sockets on their way through sockets (SCM_RIGHTS): how a circle of them is avoided.
//
// A message in a socket's queue holds the files that it passes. If a socket could wait in its own queue, or two in each
// other's, nobody could ever receive them again, and they would never go. So sockets have heights, and a socket is passed
// only to a higher one: along every chain of sockets that hold each other heights go down, and no chain closes.
//
//   A socket that holds none has height 0. One that is to hold a socket that is not lower is raised to the middle between
//   that one's height and its own ceiling: the least height of those by which it is held itself. Where there is no room
//   in between, the message is refused (Error::toomanyrefs).
//
// So chains are shorter than `height_limit`, and sockets may be passed on before those they came through have arrived.
// A console that passes on to a socket counts as that socket. What waits for accept(2) at a listening socket counts as that
// one's; so nothing is known yet of the height of such a connection itself, and it is not passed on: who guesses the number
// that accept(2) is just about to return is refused.
// One lock (Rank::passed_sockets) covers all heights. It is taken only for messages that pass sockets, and by accept.
#pragma once

#include <cstdint>

namespace cv6 {

class UnixSocket;

// A socket's part of it, covered by the lock.
struct PassingState {
  static constexpr unsigned height_limit = 8;
  unsigned height = 0;
  unsigned ceiling = height_limit;
  std::uint32_t held_by = 0;  // how many messages hold it
  std::uint32_t holds = 0;    // how many sockets the messages in its queue hold
  UnixSocket* listener = nullptr;  // at which it waits to be accepted
};

namespace passing {

// `passed` is to be held by a message in the queue of `holder`. False: refused.
[[nodiscard]] bool begin(UnixSocket& passed, UnixSocket& holder);
void end(UnixSocket& passed, UnixSocket& holder);
// A new connection waits at `listener`; it does not any more.
void wait_at(UnixSocket& connection, UnixSocket& listener);
void stop_waiting(UnixSocket& connection);

}  // namespace passing

}  // namespace cv6
