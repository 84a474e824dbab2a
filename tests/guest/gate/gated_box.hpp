#pragma once
// A container for tests of its system-call gate, with processes of the test's own that join it.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <functional>
#include <string>

#include "cv6/container.hpp"
#include "support/check.hpp"
#include "support/container.hpp"

namespace cv6::guest {

using Rules = ContainerPolicy::Operation;

// Changes or reads rules; -1 and errno as the call.
inline int change_rules(int id, Rules operation, std::initializer_list<unsigned> denied,
                        std::initializer_list<unsigned> fatal = {}) {
  ContainerPolicy policy;
  policy.id = id;
  policy.operation = operation;
  for (const unsigned call : denied) policy.denied.add(CallSet::place_of_linux(call));
  for (const unsigned call : fatal) policy.fatal.add(CallSet::place_of_linux(call));
  return container_policy(policy);
}
inline ContainerPolicy rules_of(int id, Rules operation) {
  ContainerPolicy policy;
  policy.id = id;
  policy.operation = operation;
  EXPECT_OK(container_policy(policy));
  return policy;
}

class GatedBox {
 public:
  GatedBox() : id_(create_container({})) {}
  GatedBox(const GatedBox&) = delete;
  GatedBox& operator=(const GatedBox&) = delete;
  ~GatedBox() {
    if (id_ >= 0) {
      EXPECT_OK(destroy_container(id_));
    }
  }
  int id() const { return id_; }

  // In a child that has joined.
  pid_t start(const std::function<int()>& body) const {
    return spawn([&] { return join_container(id_) == 0 ? body() : 99; });
  }
  Ending run(const std::function<int()>& body) const { return reap(start(body)); }

  int deny(std::initializer_list<unsigned> calls) const { return change_rules(id_, Rules::tighten, calls); }
  int allow(std::initializer_list<unsigned> calls) const { return change_rules(id_, Rules::loosen, calls); }

  ContainerLog log() const {
    ContainerLog log;
    log.id = id_;
    EXPECT_OK(container_log(log));
    return log;
  }
  int set_log(std::uint32_t what, std::uint32_t capacity) const {
    ContainerLog log;
    log.id = id_;
    log.operation = ContainerLog::Operation::set;
    log.what = what;
    log.capacity = capacity;
    return container_log(log);
  }
  // What is in the log.
  std::string log_text(std::uint32_t flags = 0) const {
    const int fd = open_container_log({id_, flags});
    EXPECT_OK(fd);
    return read_all(fd);
  }
  static std::string read_all(int fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t size; (size = ::read(fd, buffer, sizeof buffer)) > 0;) text.append(buffer, size);
    ::close(fd);
    return text;
  }
  ContainerCallCount count(unsigned call) const {
    ContainerCallCount count;
    EXPECT_EQ(container_call_counts({id_, CallSet::place_of_linux(call), &count, 1}), 1);
    return count;
  }

 private:
  int id_;
};

// A call as a test makes it: 0, or the errno.
inline int errno_of_call(long number, long first = 0, long second = 0, long third = 0) {
  return ::syscall(number, first, second, third) == -1 ? errno : 0;
}

}  // namespace cv6::guest
