// What waits in a socket's queue: bytes, who sent them, and perhaps open files that are passed (SCM_RIGHTS, unix(7)).
//
// A few bytes are part of the object, more are in pages; both are charged to the container that sends. A message counts
// with its weight in what its sender has under way (SO_SNDBUF), until it is received or dropped.
#pragma once

#include <array>
#include <memory>

#include "container/container.hpp"
#include "fs/io_buffer.hpp"
#include "mm/frame.hpp"
#include "net/socket_user.hpp"

namespace cv6 {

class UnixSocket;

// Open files on their way. They count as open files of the sender's container.
class PassedFiles : public Charged<PassedFiles, "passed_files"> {
 public:
  static constexpr unsigned most = 253;  // SCM_MAX_FD
  ~PassedFiles() { arrive(); }

  unsigned count() const { return count_; }
  Result<void> add(Ref<File> file);  // Error::inval: too many
  Ref<File>& operator[](unsigned i) { return files_[i]; }
  // The same files once more, on their way nowhere (MSG_PEEK). Error::nomem.
  Result<Own<PassedFiles>> copy() const;

  // Into the queue of `holder`, who outlives this or calls arrive(). Error::toomanyrefs: net/passing.hpp, or the container
  // has as many files open as it may.
  Result<void> depart(UnixSocket& holder, Container& sender);
  void arrive();

 private:
  void end_passing(unsigned count);

  std::array<Ref<File>, most> files_;
  unsigned count_ = 0;
  UnixSocket* holder_ = nullptr;  // null: on the way nowhere
  Ref<Container> counted_in_;
};

struct SocketAncillary : Charged<SocketAncillary, "socket_ancillary"> {
  SenderIds credentials;
  Own<PassedFiles> files;
};

class SocketMessage : public Charged<SocketMessage, "socket_message"> {
 public:
  // The next `size` bytes of `from`. Error::fault, Error::nomem.
  static Result<Own<SocketMessage>> create(IoBuffer& from, std::size_t size);
  SocketMessage() {}  // leaves the bytes as they are
  ~SocketMessage() {
    if (size_ > pages_between_yields * page_size) [[unlikely]] drop_many_pages();
  }

  std::size_t size() const { return size_ - taken_; }  // what has not been taken yet
  std::size_t weight() const { return weight_; }
  // Copies bytes out as far as `to` has room. Error::fault.
  Result<std::size_t> copy_to(IoBuffer& to) const;
  void take(std::size_t count) { taken_ += static_cast<std::uint32_t>(count); }

  bool has_files() const { return ancillary && ancillary->files; }
  SenderIds credentials() const { return ancillary ? ancillary->credentials : SenderIds(); }

  ListNode node;  // in the queue
  Ref<UnixSocket> sender;
  Own<SocketAncillary> ancillary;  // null: nothing but bytes

 private:
  static constexpr std::size_t few = 128;
  static constexpr std::size_t pages_between_yields = 64;  // the host's root may have messages of gigabytes
  Result<void> fill_pages(IoBuffer& from);
  void drop_many_pages();

  std::uint32_t size_ = 0, taken_ = 0, weight_ = 0;
  Own<FrameRef[]> pages_;  // null: the bytes are here
  char bytes_[few];
};

}  // namespace cv6
