// What the calls on sockets share: the socket of a descriptor, and names as programs lay them out.
#pragma once

#include "abi/linux/types_sockets.hpp"
#include "abi/support.hpp"
#include "net/socket_file.hpp"

namespace cv6::linux_abi {

// The socket that a descriptor refers to, held while the call uses it.
class SocketUse {
 public:
  // Error::badf, Error::notsock.
  static Result<SocketUse> of(const Context& context, abi::Descriptor descriptor);
  UnixSocket* operator->() const { return file_->socket(); }
  UnixSocket& operator*() const { return *file_->socket(); }
  File& file() const { return *file_; }

 private:
  explicit SocketUse(DescriptorTable::Use file) : file_(std::move(file)) {}
  DescriptorTable::Use file_;
};

SocketUser user_of(const Context& context);

// For what the call does with names. A socket that was opened in another container leads nowhere from here: Error::xdev.
Result<SocketCaller> naming_caller(const Context& context, const File& file);

// A name that a program gives: struct sockaddr_un, unix(7).
class NameFromUser {
 public:
  // Error::inval: its size cannot be; Error::fault.
  Result<void> read(UserBytes address, int size);
  bool given() const { return size_ != 0; }
  bool unspecified() const { return size_ >= sockaddr_path && name_.family == family_unspecified; }
  // Only the family: for bind(2), any name.
  bool only_family() const { return size_ == sockaddr_path && name_.family == family_unix; }
  // As SocketName has it. Error::inval: it is not one of this family.
  Result<std::string_view> bytes() const;

 private:
  SockaddrUn name_;
  std::size_t size_ = 0;
};

// A name for a program, cut to the room that it says it has, and its whole size. Error::inval, Error::fault.
enum class Unnamed : std::uint8_t { is_nothing, is_family };  // how what has no name is told
Result<void> write_name(const Ref<const SocketName>& name, Unnamed unnamed, UserBytes to, UserPtr<int> size);

}  // namespace cv6::linux_abi
