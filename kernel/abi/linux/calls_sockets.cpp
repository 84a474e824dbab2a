// Sockets: socket(2), socketpair(2), bind(2), listen(2), accept(2), connect(2), getsockname(2), shutdown(2), unix(7).
#include <algorithm>
#include <cstring>

#include "abi/linux/handlers.hpp"
#include "abi/linux/open_flags.hpp"
#include "abi/linux/sockets.hpp"

namespace cv6::linux_abi {

// --- what all of them need -------------------------------------------------------------------------------------------

Result<SocketUse> SocketUse::of(const Context& context, Descriptor descriptor) {
  auto file = TRY(context.process.files().use(descriptor.number));
  if (file->path_only()) return Error::badf;
  if (!file->socket()) return Error::notsock;
  return SocketUse(std::move(file));
}

SocketUser user_of(const Context& context) {
  return {context.process.pid(), Ref<const Credentials>(&context.process.credentials())};
}

Result<SocketCaller> naming_caller(const Context& context, const File& file) {
  if (file.opened_in() != context.process.fs().tree()) return Error::xdev;
  return SocketCaller{caller_of(context), context.container, user_of(context)};
}

Result<void> NameFromUser::read(UserBytes address, int size) {
  if (size < 0 || size > sockaddr_storage_size) return Error::inval;
  char bytes[sockaddr_storage_size];
  size_ = static_cast<std::size_t>(size);
  if (arch::copy_from_user(bytes, address.address(), size_) != 0) return Error::fault;
  std::memcpy(&name_, bytes, std::min(size_, sizeof name_));
  return {};
}

Result<std::string_view> NameFromUser::bytes() const {
  if (size_ <= sockaddr_path || size_ > sizeof name_ || name_.family != family_unix) return Error::inval;
  const std::string_view whole(name_.path, size_ - sockaddr_path);
  return SocketName::is_abstract(whole) ? whole : whole.substr(0, whole.find('\0'));
}

Result<void> write_name(const Ref<const SocketName>& name, Unnamed unnamed, UserBytes to, UserPtr<int> size) {
  const int room = TRY(size.read());
  if (room < 0) return Error::inval;
  SockaddrUn address{.family = family_unix, .path = {}};
  std::size_t whole = unnamed == Unnamed::is_family ? sockaddr_path : 0;
  char bytes[sizeof address + 1] = {};  // a path of the greatest length has its NUL behind the structure
  if (name) {
    const std::string_view text = name->bytes();
    std::memcpy(bytes + sockaddr_path, text.data(), text.size());
    whole = sockaddr_path + text.size() + (SocketName::is_abstract(text) ? 0 : 1);
  }
  std::memcpy(bytes, &address.family, sizeof address.family);
  if (arch::copy_to_user(to.address(), bytes, std::min(whole, static_cast<std::size_t>(room))) != 0) return Error::fault;
  return size.write(static_cast<int>(whole));
}

namespace {

// Of socket(2)'s second argument.
Result<SocketType> type_from_linux(int family, unsigned type, int protocol) {
  const unsigned kind = type & sock_type_mask;
  if (type & ~(sock_type_mask | sock_nonblock | sock_cloexec)) return Error::inval;
  if (family < 0 || family >= family_limit) return Error::afnosupport;
  if (kind >= sock_type_limit) return Error::inval;
  if (family != family_unix) return Error::afnosupport;
  if (protocol != 0 && protocol != family_unix) return Error::protonosupport;
  if (kind == sock_raw) return SocketType::datagram;
  for (const SocketType known : {SocketType::stream, SocketType::datagram, SocketType::sequenced})
    if (kind == static_cast<unsigned>(known)) return known;
  return Error::socktnosupport;
}

static_assert(sock_cloexec == o_cloexec && sock_nonblock == o_nonblock);

Result<Ref<SocketFile>> make_file(const Context& context, const Ref<UnixSocket>& socket, unsigned flags) {
  return SocketFile::create(socket, flags & sock_nonblock ? open_flag::nonblock : 0, context.process.credentials(),
                            context.process.fs().tree());
}

// The connection that was accepted as a descriptor; the next accept(2) gets it if that cannot be.
Result<int> give_connection(Context& context, UnixSocket& listener, Ref<UnixSocket> connection, unsigned flags) {
  auto file = make_file(context, connection, flags);
  if (!file) {
    listener.put_back(std::move(connection));
    return file.error();
  }
  const auto number = context.process.files().add(*file, close_on_exec_of(flags), context.process.open_files_limit());
  if (number) {
    listener.note_accepted(*connection);
    return *number;
  }
  listener.put_back((*file)->release_socket());
  return number.error();
}

Result<long> accept_connection(Context& context, Descriptor descriptor, UserBytes name, UserPtr<int> size, unsigned flags) {
  if (flags & ~(sock_nonblock | sock_cloexec)) return Error::inval;
  const SocketUse socket = TRY(SocketUse::of(context, descriptor));
  Ref<UnixSocket> connection = TRY(socket->accept(socket.file().blocking()));
  UnixSocket* const accepted = connection.get();
  const Ref<UnixSocket> held(accepted);
  const int number = TRY(give_connection(context, *socket, std::move(connection), flags));
  if (!name) return number;
  const auto peer = held->peer_name();
  const auto written = write_name(peer ? *peer : nullptr, Unnamed::is_family, name, size);
  if (written) return number;
  (void)context.process.files().remove(number);
  return written.error();
}

}  // namespace

// --- the calls -------------------------------------------------------------------------------------------------------

Result<long> sys_socket(Context& context, int family, Flags type, int protocol) {
  const SocketType kind = TRY(type_from_linux(family, type.bits, protocol));
  Ref<File> file = TRY(make_file(context, TRY(make<UnixSocket>(kind)), type.bits));
  return TRY(context.process.files().add(std::move(file), close_on_exec_of(type.bits), context.process.open_files_limit()));
}

Result<long> sys_socketpair(Context& context, int family, Flags type, int protocol, UserPtr<int> ends) {
  const SocketType kind = TRY(type_from_linux(family, type.bits, protocol));
  UnixSocket::Pair pair = TRY(UnixSocket::make_pair(kind, user_of(context)));
  auto first = make_file(context, pair.first, type.bits);
  auto second = make_file(context, pair.second, type.bits);
  if (!first) pair.first->close();
  if (!second) pair.second->close();
  return give_pair(context, TRY(std::move(first)), TRY(std::move(second)), close_on_exec_of(type.bits), ends);
}

Result<long> sys_bind(Context& context, Descriptor descriptor, UserBytes pointer, int size) {
  const SocketUse socket = TRY(SocketUse::of(context, descriptor));
  NameFromUser name;
  TRY(name.read(pointer, size));
  const std::string_view bytes = name.only_family() ? std::string_view() : TRY(name.bytes());
  TRY(socket->bind(bytes, TRY(naming_caller(context, socket.file()))));
  return 0;
}

Result<long> sys_listen(Context& context, Descriptor descriptor, int backlog) {
  const SocketUse socket = TRY(SocketUse::of(context, descriptor));
  TRY(socket->listen(backlog, user_of(context)));
  return 0;
}

Result<long> sys_accept(Context& context, Descriptor descriptor, UserBytes name, UserPtr<int> size) {
  return accept_connection(context, descriptor, name, size, 0);
}

Result<long> sys_accept4(Context& context, Descriptor descriptor, UserBytes name, UserPtr<int> size, Flags flags) {
  return accept_connection(context, descriptor, name, size, flags.bits);
}

Result<long> sys_connect(Context& context, Descriptor descriptor, UserBytes pointer, int size) {
  const SocketUse socket = TRY(SocketUse::of(context, descriptor));
  NameFromUser name;
  TRY(name.read(pointer, size));
  if (socket->type() == SocketType::datagram && name.unspecified()) {
    TRY(socket->disconnect());
    return 0;
  }
  TRY(socket->connect(TRY(name.bytes()), TRY(naming_caller(context, socket.file())), socket.file().blocking()));
  return 0;
}

Result<long> sys_getsockname(Context& context, Descriptor descriptor, UserBytes name, UserPtr<int> size) {
  const SocketUse socket = TRY(SocketUse::of(context, descriptor));
  TRY(write_name(socket->name(), Unnamed::is_family, name, size));
  return 0;
}

Result<long> sys_getpeername(Context& context, Descriptor descriptor, UserBytes name, UserPtr<int> size) {
  const SocketUse socket = TRY(SocketUse::of(context, descriptor));
  TRY(write_name(TRY(socket->peer_name()), Unnamed::is_family, name, size));
  return 0;
}

Result<long> sys_shutdown(Context& context, Descriptor descriptor, int how) {
  constexpr int most = static_cast<int>(UnixSocket::Shutdown::both);
  const SocketUse socket = TRY(SocketUse::of(context, descriptor));
  if (how < 0 || how > most) return Error::inval;
  socket->shutdown(static_cast<UnixSocket::Shutdown>(how));
  return 0;
}

}  // namespace cv6::linux_abi
