#include "net/socket_name.hpp"

#include "fs/operations.hpp"
#include "net/unix_socket.hpp"
#include "sched/scheduler.hpp"

namespace cv6 {

struct SocketName::Table {
  HashTable<SocketName, &SocketName::node, ByKey> names;
  unsigned next_number = 0;  // where the search for an abstract name goes on
  static constinit Guarded<Table, Rank::socket_names> all;
};
constinit Guarded<SocketName::Table, Rank::socket_names> SocketName::Table::all;

std::uint64_t SocketName::ByKey::hash(const Key& key) {
  return mix(reinterpret_cast<std::uintptr_t>(key.place)) ^ ComponentName::of(key.abstract).hash;
}

SocketName::Key SocketName::key() const {
  if (container_) return {container_.get(), bytes_};
  return {&path_.inode(), {}};
}

Result<void> SocketName::enter(UnixSocket& socket) {
  const payer::Scope nobody(nullptr);  // the table is everybody's
  return Table::all.with([&](Table& table) -> Result<void> {
    if (table.names.find(key())) return Error::addrinuse;
    socket_ = &socket;
    table.names.insert(*this);
    return {};
  });
}

void SocketName::unbind() {
  Table::all.with([&](Table& table) {
    table.names.remove(*this);
    socket_ = nullptr;
  });
  container_ = nullptr;
  path_ = {};
}

Result<Ref<SocketName>> SocketName::bind(UnixSocket& socket, std::string_view bytes, const SocketCaller& caller) {
  Ref<SocketName> name = TRY(make<SocketName>(bytes));
  if (is_abstract(bytes)) {
    name->container_ = Ref<Container>(&caller.container);
  } else {
    const auto made = make_node(caller.files, At{nullptr, bytes}, FileType::socket, mode::permissions, 0);
    if (!made) return made.error() == Error::exist ? Error::addrinuse : made.error();
    name->path_ = *made;
  }
  TRY(name->enter(socket));
  return name;
}

Result<Ref<SocketName>> SocketName::bind_to_any(UnixSocket& socket, Container& container) {
  constexpr unsigned numbers = 1 << 20, tries_between_yields = 256;
  for (unsigned tries = 0; tries < numbers; ++tries) {
    if (tries % tries_between_yields == tries_between_yields - 1) sched::maybe_yield();
    const unsigned number = Table::all.with([](Table& table) { return table.next_number++ % numbers; });
    char text[8];
    BufferOutput out(text);
    out.write(std::string_view("\0", 1));
    print(out, "{:05x}", number);
    Ref<SocketName> name = TRY(make<SocketName>(out.view()));
    name->container_ = Ref<Container>(&container);
    if (name->enter(socket)) return name;
  }
  return Error::nospc;
}

Ref<UnixSocket> SocketName::find(const Key& key) {
  return Table::all.with([&](Table& table) -> Ref<UnixSocket> {
    const SocketName* name = table.names.find(key);
    if (!name || !name->socket_->hold_unless_gone()) return nullptr;
    return Ref<UnixSocket>::adopt(name->socket_);
  });
}

Result<Ref<UnixSocket>> SocketName::find(std::string_view bytes, SocketType type, const SocketCaller& caller) {
  Path path;
  Key key{&caller.container, bytes};
  if (!is_abstract(bytes)) {
    path = TRY(resolve(caller.files, At{nullptr, bytes}, Follow::yes));
    TRY(check_permission(caller.files.credentials, path.inode(), access_to::write));
    key = {&path.inode(), {}};
  }
  Ref<UnixSocket> socket = find(key);
  if (!socket) return Error::connrefused;
  if (socket->type() != type) return Error::prototype;
  return socket;
}

}  // namespace cv6
