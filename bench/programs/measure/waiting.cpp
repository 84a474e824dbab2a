// Waiting for others: data through pipes, futexes, and many descriptors at once.
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "harness.hpp"
#include "resources.hpp"

namespace cv6::bench {
namespace {

constexpr std::size_t block_size = 65536;
char block[block_size];

/// All of the block, however many pieces it comes in.
Status read_block(const File& from) {
  for (std::size_t done = 0; done < block_size;) {
    const ssize_t got = ::read(from.descriptor(), block, block_size - done);
    if (got <= 0) return failed("read");
    done += static_cast<std::size_t>(got);
  }
  return {};
}

/// A companion writes as much as fits, always.
Cost bandwidth(File& from, File& to) {
  auto writer = Companion::start([&] {
    while (::write(to.descriptor(), block, block_size) > 0) {
    }
  });
  if (!writer) return std::unexpected{writer.error()};
  to.close();
  return each({.operations = 20}, [&] { return read_block(from); });
}

Cost pipe_bandwidth() {
  auto pipe = Pipe::create();
  if (!pipe) return std::unexpected{pipe.error()};
  return bandwidth(pipe->read_end, pipe->write_end);
}

struct SocketPair {
  File one;
  File other;

  static std::expected<SocketPair, Failure> create() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return failed("socketpair");
    return SocketPair{File{ends[0]}, File{ends[1]}};
  }
};

Cost socket_bandwidth() {
  auto pair = SocketPair::create();
  if (!pair) return std::unexpected{pair.error()};
  return bandwidth(pair->one, pair->other);
}

Cost socket_round_trip() {
  auto pair = SocketPair::create();
  if (!pair) return std::unexpected{pair.error()};
  auto companion = Companion::start([&] {
    pair->one.close();
    echo(pair->other, pair->other);
  });
  if (!companion) return std::unexpected{companion.error()};
  pair->other.close();
  return each({.operations = 200}, [&] { return send_and_receive(pair->one, pair->one); });
}

long futex(std::atomic<unsigned>& word, int operation, unsigned value) {
  return ::syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
}

/// Two words: whose turn it is for each side. A side raises the other's, wakes it and waits for its own.
struct Turns {
  std::atomic<unsigned> mine{0};
  std::atomic<unsigned> its{0};
  std::atomic<bool> over{false};
};

void pass(std::atomic<unsigned>& to) {
  to.store(1);
  futex(to, FUTEX_WAKE, 1);
}

void await(std::atomic<unsigned>& turn) {
  while (turn.load() == 0) futex(turn, FUTEX_WAIT, 0);
  turn.store(0);
}

void* answer(void* argument) {
  auto& turns = *static_cast<Turns*>(argument);
  for (;;) {
    await(turns.its);
    if (turns.over) return nullptr;
    pass(turns.mine);
  }
}

Cost futex_round_trip() {
  Turns turns;
  pthread_t thread;
  if (const int error = ::pthread_create(&thread, nullptr, answer, &turns); error != 0) return failed("pthread_create", error);
  const Cost cost = each({.operations = 200}, [&] -> Status {
    pass(turns.its);
    await(turns.mine);
    return {};
  });
  turns.over = true;
  pass(turns.its);
  ::pthread_join(thread, nullptr);
  return cost;
}

constexpr int pipe_count = 64;

std::expected<std::vector<Pipe>, Failure> make_pipes() {
  std::vector<Pipe> pipes;
  for (int i = 0; i < pipe_count; ++i) {
    auto pipe = Pipe::create();
    if (!pipe) return std::unexpected{pipe.error()};
    pipes.push_back(std::move(*pipe));
  }
  return pipes;
}

Cost poll_pipes() {
  const auto pipes = make_pipes();
  if (!pipes) return std::unexpected{pipes.error()};
  std::vector<pollfd> wanted;
  for (const Pipe& pipe : *pipes) wanted.push_back({.fd = pipe.read_end.descriptor(), .events = POLLIN, .revents = 0});
  return each({.operations = 100}, [&] -> Status {
    if (::poll(wanted.data(), pipe_count, 0) != 0) return failed("poll");
    return {};
  });
}

Cost select_pipes() {
  const auto pipes = make_pipes();
  if (!pipes) return std::unexpected{pipes.error()};
  fd_set wanted;
  FD_ZERO(&wanted);
  int most = 0;
  for (const Pipe& pipe : *pipes) {
    FD_SET(pipe.read_end.descriptor(), &wanted);
    most = std::max(most, pipe.read_end.descriptor());
  }
  return each({.operations = 100}, [&] -> Status {
    fd_set ready = wanted;
    timeval none{};
    if (::select(most + 1, &ready, nullptr, nullptr, &none) != 0) return failed("select");
    return {};
  });
}

Cost epoll_pipes() {
  const auto pipes = make_pipes();
  if (!pipes) return std::unexpected{pipes.error()};
  const File epoll{::epoll_create1(EPOLL_CLOEXEC)};
  if (epoll.descriptor() < 0) return failed("epoll_create1");
  for (const Pipe& pipe : *pipes) {
    epoll_event event{.events = EPOLLIN, .data = {}};
    if (::epoll_ctl(epoll.descriptor(), EPOLL_CTL_ADD, pipe.read_end.descriptor(), &event) != 0) return failed("epoll_ctl");
  }
  if (::write((*pipes)[0].write_end.descriptor(), "x", 1) != 1) return failed("write");
  return each({.operations = 100}, [&] -> Status {
    epoll_event events[pipe_count];
    if (::epoll_wait(epoll.descriptor(), events, pipe_count, 0) != 1) return failed("epoll_wait");
    return {};
  });
}

constexpr auto benchmarks = std::to_array<Benchmark>({
    {metric("pipe_64k"), pipe_bandwidth},
    {metric("socket_round_trip"), socket_round_trip},
    {metric("socket_64k"), socket_bandwidth},
    {metric("futex_round_trip"), futex_round_trip},
    {metric("poll_64"), poll_pipes},
    {metric("select_64"), select_pipes},
    {metric("epoll_64"), epoll_pipes},
});

}  // namespace

std::span<const Benchmark> waiting_benchmarks() { return benchmarks; }

}  // namespace cv6::bench
