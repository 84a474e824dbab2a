// Options of sockets: getsockopt(2), setsockopt(2); socket(7), unix(7).
#include <algorithm>

#include "abi/linux/errno.hpp"
#include "abi/linux/handlers.hpp"
#include "abi/linux/sockets.hpp"
#include "abi/linux/times.hpp"

namespace cv6::linux_abi {
namespace {

// Buffers: what is asked for counts twice, for the kernel's own part (socket(7), SO_SNDBUF).
constexpr std::uint32_t largest_buffer = 212992;  // /proc/sys/net/core/wmem_max
constexpr std::uint32_t smallest_send_buffer = 4608, smallest_receive_buffer = 2304;

// Options that mean nothing for this family; Linux keeps them for who asks.
constexpr bool is_only_kept(int option) {
  return option == so_reuseaddr || option == so_dontroute || option == so_broadcast || option == so_keepalive ||
         option == so_oobinline || option == so_reuseport;
}
constexpr std::uint32_t bit_of(int option) { return 1u << option; }

std::uint32_t buffer_size(std::uint32_t wanted, std::uint32_t most, std::uint32_t least) {
  const std::uint32_t size = std::min({wanted, most, static_cast<std::uint32_t>(INT32_MAX / 2)}) * 2;
  return std::max(size, least);
}

// --- telling ---------------------------------------------------------------------------------------------------------

// Cut to the room that the program has, and how much that is then.
Result<long> tell(UserBytes to, UserPtr<int> size, const void* value, std::size_t value_size) {
  const int room = TRY(size.read());
  if (room < 0) return Error::inval;
  const std::size_t told = std::min(value_size, static_cast<std::size_t>(room));
  if (arch::copy_to_user(to.address(), value, told) != 0) return Error::fault;
  TRY(size.write(static_cast<int>(told)));
  return 0;
}

Result<long> tell_timeout(UserBytes to, UserPtr<int> size, Nanoseconds timeout) {
  const Timeval value = timeout == never ? Timeval{} : timeval_of(timeout);
  return tell(to, size, &value, sizeof value);
}

Result<long> tell_linger(UserBytes to, UserPtr<int> size, int seconds) {
  const Linger value = seconds < 0 ? Linger{} : Linger{1, seconds};
  return tell(to, size, &value, sizeof value);
}

Result<long> tell_peer(const Context& context, const UnixSocket& socket, UserBytes to, UserPtr<int> size) {
  SocketCredentials told{0, ~0u, ~0u};
  const SocketUser user = socket.peer_user();
  if (user.pid)
    told = {user.pid->number_in(context.container), user.credentials->ids().effective_user, user.credentials->ids().effective_group};
  return tell(to, size, &told, sizeof told);
}

Result<long> tell_peer_groups(const UnixSocket& socket, UserBytes to, UserPtr<int> size) {
  const SocketUser user = socket.peer_user();
  if (!user.credentials) return Error::nodata;
  const auto groups = user.credentials->supplementary_groups();
  const int room = TRY(size.read());
  TRY(size.write(static_cast<int>(groups.size_bytes())));
  if (room < 0 || static_cast<std::size_t>(room) < groups.size_bytes()) return Error::range;
  TRY(UserPtr<std::uint32_t>(to.address()).write_array(groups));
  return 0;
}

// Those whose value is a number.
Result<int> number_of(UnixSocket& socket, int option) {
  if (is_only_kept(option)) return (socket.remembered.load(std::memory_order_relaxed) & bit_of(option)) != 0;
  switch (option) {
    case so_type: return static_cast<int>(socket.type());
    case so_domain: return family_unix;
    case so_protocol:
    case so_debug: return 0;
    case so_error: {
      const auto error = socket.take_error();
      return error ? 0 : errno_of(error.error());
    }
    case so_acceptconn: return socket.listening();
    case so_sndbuf: return static_cast<int>(socket.send_limit());
    case so_rcvbuf: return static_cast<int>(socket.receive_limit.load(std::memory_order_relaxed));
    case so_passcred: return socket.pass_credentials.load(std::memory_order_relaxed);
    case so_rcvlowat:
    case so_sndlowat: return 1;
    case so_peek_off: return Error::opnotsupp;
    default: return Error::noprotoopt;
  }
}

// --- setting ---------------------------------------------------------------------------------------------------------

Result<void> set_timeout(std::atomic<Nanoseconds>& timeout, UserBytes value, int size) {
  if (size < static_cast<int>(sizeof(Timeval))) return Error::inval;
  const Timeval wanted = TRY(UserPtr<Timeval>(value.address()).read());
  if (wanted.tv_usec < 0 || wanted.tv_usec >= 1'000'000) return Error::dom;
  const bool none = wanted.tv_sec == 0 && wanted.tv_usec == 0;
  // Less than no time is over at once.
  timeout.store(none ? never : wanted.tv_sec < 0 ? 0 : TRY(time_from(wanted)), std::memory_order_relaxed);
  return {};
}

Result<void> set_linger(UnixSocket& socket, UserBytes value, int size) {
  if (size < static_cast<int>(sizeof(Linger))) return Error::inval;
  const Linger wanted = TRY(UserPtr<Linger>(value.address()).read());
  socket.linger.store(wanted.on ? wanted.seconds : -1, std::memory_order_relaxed);
  return {};
}

Result<void> set_buffer(const Context& context, UnixSocket& socket, int option, int value) {
  const bool forced = option == so_sndbufforce || option == so_rcvbufforce;
  // As on Linux, where it takes the capability of the machine, not of a namespace.
  if (forced && !(context.container.is_host() && context.process.credentials().privileged())) return Error::perm;
  const auto wanted = static_cast<std::uint32_t>(forced ? std::max(value, 0) : value);
  const std::uint32_t most = forced ? INT32_MAX : largest_buffer;
  if (option == so_sndbuf || option == so_sndbufforce)
    socket.set_send_limit(buffer_size(wanted, most, smallest_send_buffer));
  else
    socket.receive_limit.store(buffer_size(wanted, most, smallest_receive_buffer), std::memory_order_relaxed);
  return {};
}

Result<void> set_number(const Context& context, UnixSocket& socket, int option, int value) {
  if (is_only_kept(option)) {
    if (value)
      socket.remembered.fetch_or(bit_of(option), std::memory_order_relaxed);
    else
      socket.remembered.fetch_and(~bit_of(option), std::memory_order_relaxed);
    return {};
  }
  switch (option) {
    case so_sndbuf:
    case so_rcvbuf:
    case so_sndbufforce:
    case so_rcvbufforce: return set_buffer(context, socket, option, value);
    case so_passcred: socket.pass_credentials.store(value != 0, std::memory_order_relaxed); return {};
    case so_peek_off: return Error::opnotsupp;
    default: return Error::noprotoopt;
  }
}

}  // namespace

Result<long> sys_getsockopt(Context& context, Descriptor descriptor, int level, int option, UserBytes value, UserPtr<int> size) {
  const SocketUse socket = TRY(SocketUse::of(context, descriptor));
  if (level != sol_socket) return Error::opnotsupp;
  switch (option) {
    case so_rcvtimeo:
    case so_rcvtimeo_new: return tell_timeout(value, size, socket->receive_timeout.load(std::memory_order_relaxed));
    case so_sndtimeo:
    case so_sndtimeo_new: return tell_timeout(value, size, socket->send_timeout.load(std::memory_order_relaxed));
    case so_linger: return tell_linger(value, size, socket->linger.load(std::memory_order_relaxed));
    case so_peercred: return tell_peer(context, *socket, value, size);
    case so_peergroups: return tell_peer_groups(*socket, value, size);
    default: break;
  }
  const int number = TRY(number_of(*socket, option));
  return tell(value, size, &number, sizeof number);
}

Result<long> sys_setsockopt(Context& context, Descriptor descriptor, int level, int option, UserBytes value, int size) {
  if (size < 0) return Error::inval;
  const SocketUse socket = TRY(SocketUse::of(context, descriptor));
  if (level != sol_socket) return Error::opnotsupp;
  if (size < static_cast<int>(sizeof(int))) return Error::inval;
  const int number = TRY(UserPtr<int>(value.address()).read());
  if (option == so_rcvtimeo || option == so_rcvtimeo_new)
    TRY(set_timeout(socket->receive_timeout, value, size));
  else if (option == so_sndtimeo || option == so_sndtimeo_new)
    TRY(set_timeout(socket->send_timeout, value, size));
  else if (option == so_linger)
    TRY(set_linger(*socket, value, size));
  else
    TRY(set_number(context, *socket, option, number));
  return 0;
}

}  // namespace cv6::linux_abi
