// A socket as an open file: what descriptors refer to. It has an inode without a place (socket(7); fstat(2) says S_IFSOCK),
// and closes its socket when it goes.
#pragma once

#include "fs/file.hpp"
#include "net/unix_socket.hpp"

namespace cv6 {

class SocketFile final : public File, public Charged<SocketFile, "socket_file"> {
 public:
  // `flags`: open_flag::nonblock. `tree`: where it is opened (File::opened_in). Error::nomem: the socket is left alone.
  static Result<Ref<SocketFile>> create(const Ref<UnixSocket>& socket, OpenFlags flags, const Credentials& credentials,
                                        std::uint64_t tree);
  ~SocketFile() override;

  // It is nobody's file any more, and does not close the socket.
  Ref<UnixSocket> release_socket() { return std::move(socket_); }

  UnixSocket* socket() override { return socket_.get(); }
  std::uint64_t opened_in() const override { return tree_; }
  void describe(Output& out) const override { print(out, "socket:[{}]", inode().number()); }
  PollEvents poll(PollWaiters* waiters) override { return socket_->poll(waiters); }
  Result<std::size_t> readable_bytes() override { return socket_->receivable_bytes(); }
  Result<long> control(unsigned request, std::uintptr_t argument) override;

  SocketFile(Ref<Inode> inode, Ref<UnixSocket> socket, std::uint64_t tree)
      : File(std::move(inode), Positions::none), socket_(std::move(socket)), tree_(tree) {}

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t) override;
  Result<std::size_t> do_write(IoBuffer& from, std::uint64_t, std::uint64_t) override;

 private:
  Ref<UnixSocket> socket_;
  std::uint64_t tree_;
};

}  // namespace cv6
