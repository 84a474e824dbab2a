#include "support/monitor.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace cv6::test {

Monitor::Monitor(const std::string& socket_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy_n(socket_path.begin(), std::min(socket_path.size(), sizeof address.sun_path - 1), address.sun_path);
  for (int attempt = 0; attempt < 500; ++attempt) {
    socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      read_to_prompt();
      return;
    }
    ::close(socket_);
    socket_ = -1;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ADD_FAILURE() << socket_path << ": nobody listens";
}

Monitor::~Monitor() {
  if (socket_ >= 0) ::close(socket_);
}

std::string Monitor::command(const std::string& line) {
  const std::string keys = line + "\n";
  EXPECT_EQ(::write(socket_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  std::string answer = read_to_prompt();
  const std::size_t echo = answer.find('\n');  // it repeats what was typed, as a terminal does
  return echo == std::string::npos ? answer : answer.substr(echo + 1);
}

std::string Monitor::read_to_prompt() {
  constexpr std::string_view prompt = "(qemu) ";
  std::string text;
  while (!text.ends_with(prompt)) {
    pollfd ready{socket_, POLLIN, 0};
    char bytes[1024];
    const ssize_t size = ::poll(&ready, 1, 10'000) == 1 ? ::read(socket_, bytes, sizeof bytes) : -1;
    if (size <= 0) {
      ADD_FAILURE() << "the monitor says no more than: " << text;
      return text;
    }
    text.append(bytes, static_cast<std::size_t>(size));
  }
  text.resize(text.size() - prompt.size());
  std::erase(text, '\r');
  return text;
}

}  // namespace cv6::test
