// Names of sockets, unix(7) "Address format": paths and abstract names.
//
// A name is a row of bytes as in sockaddr_un::sun_path: none (unnamed), a path, or a NUL and any bytes (abstract).
// Each container has abstract names of its own: the same bytes in two containers are two names. A path leads to a socket's
// inode, and the socket is the one that was bound when that inode was made: a container's copy-on-write view has inodes
// of its own, so a socket that was bound outside is seen there as a file with nobody behind it (ECONNREFUSED), as fifos
// are. Through a volume, which shows the inodes themselves, it is reached.
#pragma once

#include <string_view>

#include "container/container.hpp"
#include "lib/hash_table.hpp"
#include "net/socket_user.hpp"

namespace cv6 {

class UnixSocket;
enum class SocketType : std::uint8_t;

// Who does something with names, and where.
struct SocketCaller {
  Caller files;
  Container& container;
  SocketUser user;
};

class SocketName : public Counted<SocketName>, public Charged<SocketName, "socket_name"> {
 public:
  static constexpr std::size_t longest = 108;
  static constexpr bool is_abstract(std::string_view bytes) { return bytes.starts_with('\0'); }

  std::string_view bytes() const { return bytes_; }

  // The socket is known by the name until unbind(). Error::addrinuse, nomem; of a path: what mknod(2) reports.
  static Result<Ref<SocketName>> bind(UnixSocket& socket, std::string_view bytes, const SocketCaller& caller);
  // By an abstract name that is free in the container (unix(7), "Autobind feature"). Error::nospc.
  static Result<Ref<SocketName>> bind_to_any(UnixSocket& socket, Container& container);
  // Once. The bytes stay, for who holds the name; the file does not.
  void unbind();

  // The socket of that name. Error::connrefused: there is none; prototype: it is of another type; acces and the other
  // errors of a path.
  static Result<Ref<UnixSocket>> find(std::string_view bytes, SocketType type, const SocketCaller& caller);

  explicit SocketName(std::string_view bytes) : bytes_(bytes) {}

 private:
  // The container of an abstract name; the inode of a path, whose text then does not count.
  struct Key {
    const void* place;
    std::string_view abstract;
    bool operator==(const Key&) const = default;
  };
  struct ByKey {
    static Key key(const SocketName& name) { return name.key(); }
    static std::uint64_t hash(const Key& key);
    static bool equal(const SocketName& name, const Key& key) { return name.key() == key; }
  };
  struct Table;
  Key key() const;
  Result<void> enter(UnixSocket& socket);
  static Ref<UnixSocket> find(const Key& key);

  FixedString<longest> bytes_;
  // The place, as long as it is bound.
  Ref<Container> container_;  // of an abstract name
  Path path_;                 // keeps the inode
  UnixSocket* socket_ = nullptr;  // covered by the table's lock

 public:
  HashNode node;  // in the table
};

}  // namespace cv6
