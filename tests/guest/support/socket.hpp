#pragma once
// Unix sockets for tests: pairs, names, messages with control data.

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "support/descriptor.hpp"

namespace cv6::guest {

// A failed socketpair is a failure of the test.
struct SocketPair {
  explicit SocketPair(int type = SOCK_STREAM) {
    int ends[2] = {-1, -1};
    EXPECT_OK(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends));
    one = Descriptor(ends[0]);
    other = Descriptor(ends[1]);
  }
  Descriptor one;
  Descriptor other;
};

inline Descriptor make_socket(int type = SOCK_STREAM) {
  Descriptor made(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  EXPECT_OK(made.get());
  return made;
}

// A path, or an abstract name: then the text begins with a NUL.
struct SocketAddress {
  explicit SocketAddress(std::string_view name) {
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, name.data(), name.size());
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (name.starts_with('\0') ? 0 : 1));
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
  sockaddr_un address{};
  socklen_t size;
};
inline std::string abstract_name(std::string_view name) { return std::string(1, '\0') + std::string(name); }
// An abstract name that no other run of the tests uses.
inline std::string own_abstract_name(std::string_view name) {
  return abstract_name(std::string(name) + "-" + std::to_string(getpid()));
}

inline int bind_to(int fd, std::string_view name) {
  const SocketAddress address(name);
  return bind(fd, address.get(), address.size);
}
inline int connect_to(int fd, std::string_view name) {
  const SocketAddress address(name);
  return connect(fd, address.get(), address.size);
}
inline Descriptor listen_at(std::string_view name, int type = SOCK_STREAM, int backlog = 8) {
  Descriptor made = make_socket(type);
  EXPECT_OK(bind_to(made, name));
  EXPECT_OK(listen(made, backlog));
  return made;
}
inline Descriptor connected_to(std::string_view name, int type = SOCK_STREAM) {
  Descriptor made = make_socket(type);
  EXPECT_OK(connect_to(made, name));
  return made;
}

// What getsockname or getpeername says, as it is in sun_path; "?" if it fails.
inline std::string name_by(int (*call)(int, sockaddr*, socklen_t*), int fd) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (call(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "?";
  return {address.sun_path, size - offsetof(sockaddr_un, sun_path)};
}

inline short ready_events(int fd, short wanted = POLLIN | POLLOUT | POLLRDHUP | POLLPRI) {
  pollfd one{fd, wanted, 0};
  return poll(&one, 1, 0) < 0 ? POLLNVAL : one.revents;
}

inline ssize_t send_text(int fd, std::string_view text, int flags = MSG_NOSIGNAL) { return send(fd, text.data(), text.size(), flags); }
// What one recv returns; "?ERRNO" if it fails.
inline std::string receive_text(int fd, std::size_t most = 100, int flags = 0) {
  std::string text(most, '\0');
  const ssize_t size = recv(fd, text.data(), most, flags);
  if (size < 0) return std::string("?") + strerrorname_np(errno);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

// A message that passes files and says who sends it.
struct Control {
  std::vector<int> files;
  const ucred* credentials = nullptr;
};
inline ssize_t send_control(int fd, std::string_view text, const Control& control, int flags = MSG_NOSIGNAL) {
  alignas(cmsghdr) char bytes[2048] = {};
  std::size_t used = 0;
  const auto add = [&](int type, const void* data, std::size_t size) {
    auto* header = reinterpret_cast<cmsghdr*>(bytes + used);
    *header = {.cmsg_len = CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = type};
    memcpy(CMSG_DATA(header), data, size);
    used += CMSG_SPACE(size);
  };
  if (!control.files.empty()) add(SCM_RIGHTS, control.files.data(), control.files.size() * sizeof(int));
  if (control.credentials) add(SCM_CREDENTIALS, control.credentials, sizeof(ucred));
  iovec piece{const_cast<char*>(text.data()), text.size()};
  msghdr message{.msg_name = nullptr, .msg_namelen = 0, .msg_iov = &piece, .msg_iovlen = 1, .msg_control = bytes,
                 .msg_controllen = used, .msg_flags = 0};
  return sendmsg(fd, &message, flags);
}
inline ssize_t pass_files(int fd, const std::vector<int>& files, std::string_view text = "f") {
  return send_control(fd, text, {.files = files});
}

// What recvmsg returns; its files close themselves.
struct Received {
  ssize_t size = -1;
  std::string text;
  int flags = 0;
  std::vector<Descriptor> files;
  bool has_credentials = false;
  ucred credentials{};
};
inline Received receive_control(int fd, std::size_t most = 100, int flags = 0, std::size_t control_room = 1200) {
  Received received;
  received.text.resize(most);
  alignas(cmsghdr) char bytes[2048];
  iovec piece{received.text.data(), most};
  msghdr message{.msg_name = nullptr, .msg_namelen = 0, .msg_iov = &piece, .msg_iovlen = 1,
                 .msg_control = control_room ? bytes : nullptr, .msg_controllen = control_room, .msg_flags = 0};
  received.size = recvmsg(fd, &message, flags);
  if (received.size < 0) return received;
  received.text.resize(static_cast<std::size_t>(received.size));
  received.flags = message.msg_flags;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_type == SCM_RIGHTS)
      for (std::size_t i = 0; i < (header->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
        int number;
        memcpy(&number, CMSG_DATA(header) + i * sizeof number, sizeof number);
        received.files.emplace_back(number);
      }
    if (header->cmsg_type == SCM_CREDENTIALS) {
      received.has_credentials = true;
      memcpy(&received.credentials, CMSG_DATA(header), sizeof(ucred));
    }
  }
  return received;
}

inline int set_option(int fd, int option, int value) { return setsockopt(fd, SOL_SOCKET, option, &value, sizeof value); }
inline int option_of(int fd, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -errno;
}

}  // namespace cv6::guest
