#include "net/socket_user.hpp"

#include "task/process.hpp"

namespace cv6 {

SocketUser current_socket_user() {
  const Process& process = Process::current();
  return {process.pid(), Ref<const Credentials>(&process.credentials())};
}

}  // namespace cv6
