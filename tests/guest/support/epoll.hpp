#pragma once
// Epolls for tests.

#include <sys/epoll.h>

#include <cstdint>
#include <vector>

#include "support/descriptor.hpp"

namespace cv6::guest {

class EpollSet : public Descriptor {
 public:
  explicit EpollSet(int flags = EPOLL_CLOEXEC) : Descriptor(epoll_create1(flags)) { EXPECT_OK(get()); }

  int control(int operation, int fd, std::uint32_t events, std::uint64_t data) const {
    epoll_event event{.events = events, .data = {.u64 = data}};
    return epoll_ctl(get(), operation, fd, &event);
  }
  // What is watched is told by its own number, unless something else is given.
  int add(int fd, std::uint32_t events) const { return add(fd, events, static_cast<std::uint64_t>(fd)); }
  int add(int fd, std::uint32_t events, std::uint64_t data) const { return control(EPOLL_CTL_ADD, fd, events, data); }
  int modify(int fd, std::uint32_t events) const {
    return control(EPOLL_CTL_MOD, fd, events, static_cast<std::uint64_t>(fd));
  }
  int remove(int fd) const { return epoll_ctl(get(), EPOLL_CTL_DEL, fd, nullptr); }

  // All that is ready, at most `most` of them.
  std::vector<epoll_event> wait(int milliseconds = 0, int most = 64) const {
    std::vector<epoll_event> events(static_cast<std::size_t>(most));
    const int count = epoll_wait(get(), events.data(), most, milliseconds);
    EXPECT_OK(count);
    events.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return events;
  }
  // The events of the only one that is ready; 0: none is.
  std::uint32_t ready(int milliseconds = 0) const {
    const auto events = wait(milliseconds);
    EXPECT_LE(events.size(), 1u);
    return events.empty() ? 0 : events[0].events;
  }
};

}  // namespace cv6::guest
