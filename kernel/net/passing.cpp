#include "net/passing.hpp"

#include <algorithm>

#include "net/unix_socket.hpp"

namespace cv6::passing {

namespace {

constinit SpinLock lock(Rank::passed_sockets);

PassingState& that_counts(UnixSocket& holder) REQUIRES(lock) {
  PassingState& own = holder.passing();
  return own.listener ? own.listener->passing() : own;
}

void give_back(PassingState& holder, std::uint32_t count) REQUIRES(lock) {
  holder.holds -= count;
  if (holder.holds == 0) holder.height = 0;
}

}  // namespace

bool begin(UnixSocket& passed, UnixSocket& holder) {
  SpinGuard guard(lock);
  PassingState& low = passed.passing();
  if (low.listener) return false;
  PassingState& high = that_counts(holder);
  if (&low == &high) return false;
  if (high.height <= low.height) {
    if (high.ceiling < low.height + 2) return false;
    high.height = low.height + (high.ceiling - low.height) / 2;
  }
  low.ceiling = std::min(low.ceiling, high.height);
  ++low.held_by;
  ++high.holds;
  if (&high != &holder.passing()) ++holder.passing().holds;
  return true;
}

void end(UnixSocket& passed, UnixSocket& holder) {
  SpinGuard guard(lock);
  PassingState& low = passed.passing();
  if (--low.held_by == 0) low.ceiling = PassingState::height_limit;
  PassingState& high = that_counts(holder);
  if (&high != &holder.passing()) give_back(holder.passing(), 1);
  give_back(high, 1);
}

void wait_at(UnixSocket& connection, UnixSocket& listener) {
  SpinGuard guard(lock);
  connection.passing().listener = &listener;
}

void stop_waiting(UnixSocket& connection) {
  SpinGuard guard(lock);
  PassingState& own = connection.passing();
  PassingState& before = own.listener->passing();
  own.listener = nullptr;
  if (own.holds == 0) return;
  own.height = before.height;  // what it holds is lower than that
  give_back(before, own.holds);
}

}  // namespace cv6::passing
