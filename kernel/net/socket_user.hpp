// Who is at an end of a socket, for SO_PEERCRED and SCM_CREDENTIALS (unix(7)): a process, by the Pid that every container
// has its own number for, and its credentials.
#pragma once

#include "container/pid.hpp"
#include "fs/credentials.hpp"

namespace cv6 {

struct SocketUser {
  Ref<Pid> pid;  // null: nobody known
  Ref<const Credentials> credentials;
};

// The process that makes the current system call. Implemented by task/: whoever sends by write(2) is not passed down.
SocketUser current_socket_user();

// What a message says of its sender; he may have chosen from what he is (SCM_CREDENTIALS).
struct SenderIds {
  Ref<Pid> pid;  // null: not told
  std::uint32_t user = 0, group = 0;
  bool operator==(const SenderIds&) const = default;
};

}  // namespace cv6
