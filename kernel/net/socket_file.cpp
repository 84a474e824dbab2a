#include "net/socket_file.hpp"

#include "arch/user_memory.hpp"
#include "fs/anonymous.hpp"

namespace cv6 {

namespace {

class SocketInode final : public Inode, public Charged<SocketInode, "socket_inode"> {
 public:
  explicit SocketInode(const Credentials& maker)
      : Inode(anonymous::file_system(), {.type = FileType::socket,
                                         .mode = mode::permissions,
                                         .user = maker.ids().file_user,
                                         .group = maker.ids().file_group}) {}
};

}  // namespace

Result<Ref<SocketFile>> SocketFile::create(const Ref<UnixSocket>& socket, OpenFlags flags, const Credentials& credentials,
                                           std::uint64_t tree) {
  Ref<Inode> inode = TRY(make<SocketInode>(credentials));
  Ref<SocketFile> file = TRY(make<SocketFile>(std::move(inode), socket, tree));
  file->set_up({}, (flags & open_flag::nonblock) | open_flag::read | open_flag::write, credentials);
  return file;
}

SocketFile::~SocketFile() {
  if (socket_) socket_->close();
}

Result<std::size_t> SocketFile::do_read(IoBuffer& to, std::uint64_t) {
  if (to.empty()) return 0;
  return socket_->receive(to, {.blocking = blocking()});
}

Result<std::size_t> SocketFile::do_write(IoBuffer& from, std::uint64_t, std::uint64_t) {
  SendRequest request{.blocking = blocking()};
  return socket_->send(from, request);
}

Result<long> SocketFile::control(unsigned request, std::uintptr_t argument) {
  constexpr unsigned bytes_under_way = 0x5411;  // SIOCOUTQ, unix(7)
  if (request != bytes_under_way) return Error::notty;
  const int bytes = static_cast<int>(socket_->bytes_under_way());
  if (arch::copy_to_user(argument, &bytes, sizeof bytes) != 0) return Error::fault;
  return 0;
}

}  // namespace cv6
