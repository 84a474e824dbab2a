#include "support/pty.hpp"

#include <stdlib.h>
#include <sys/ioctl.h>

namespace cv6::guest {

Descriptor open_master(int flags) {
  Descriptor master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | flags));
  EXPECT_OK(master.get());
  EXPECT_OK(grantpt(master));
  EXPECT_OK(unlockpt(master));
  return master;
}

std::string slave_name(int master) {
  char name[64] = {};
  EXPECT_EQ(ptsname_r(master, name, sizeof name), 0);
  return name;
}

Pty::Pty(Mode mode) : master(open_master()), name(slave_name(master)) {
  slave = open_slave();
  EXPECT_OK(slave.get());
  if (mode == Mode::cooked) return;
  termios settings{};
  EXPECT_OK(tcgetattr(slave, &settings));
  cfmakeraw(&settings);
  EXPECT_OK(tcsetattr(slave, TCSANOW, &settings));
}

pid_t Pty::start_session(const std::function<void()>& body) {
  return spawn_checked([&] {
    master.close();
    EXPECT_OK(setsid());
    EXPECT_OK(ioctl(slave, TIOCSCTTY, 0));
    EXPECT_OK(dup2(slave, 0));
    slave.close();
    body();
  });
}

namespace {

std::string read_while(int descriptor, const std::function<bool(const std::string&)>& goes_on) {
  std::string text;
  while (goes_on(text)) {
    char byte;
    const ssize_t count = read(descriptor, &byte, 1);
    if (count == -1 && errno == EINTR) continue;
    if (count != 1) break;
    text += byte;
  }
  return text;
}

}  // namespace

std::string read_bytes(int descriptor, std::size_t size) {
  return read_while(descriptor, [size](const std::string& text) { return text.size() < size; });
}

std::string read_until(int descriptor, const std::string& end) {
  return read_while(descriptor, [&](const std::string& text) { return !text.ends_with(end); });
}

bool write_text(int descriptor, const std::string& text) {
  return write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace cv6::guest
