#pragma once
// Signals for tests: sets written as lists, handlers that are put back at the end of the scope.

#include <signal.h>

#include <initializer_list>

namespace cv6::guest {

inline sigset_t signal_set(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

// Blocks these signals; the mask from before comes back at the end of the scope.
class Blocked {
 public:
  explicit Blocked(std::initializer_list<int> signals) : set_(signal_set(signals)) {
    pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~Blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Blocked(const Blocked&) = delete;
  Blocked& operator=(const Blocked&) = delete;
  const sigset_t& set() const { return set_; }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t set_;
  sigset_t before_;
};

// Installs a handler; the action from before comes back at the end of the scope.
class Handler {
 public:
  Handler(int signal, void (*function)(int), int flags = 0, std::initializer_list<int> masked = {}) : signal_(signal) {
    struct sigaction action{};
    action.sa_handler = function;
    install(action, flags, masked);
  }
  Handler(int signal, void (*function)(int, siginfo_t*, void*), int flags = 0, std::initializer_list<int> masked = {})
      : signal_(signal) {
    struct sigaction action{};
    action.sa_sigaction = function;
    install(action, flags | SA_SIGINFO, masked);
  }
  ~Handler() { sigaction(signal_, &before_, nullptr); }
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;

 private:
  void install(struct sigaction& action, int flags, std::initializer_list<int> masked) {
    action.sa_flags = flags;
    action.sa_mask = signal_set(masked);
    sigaction(signal_, &action, &before_);
  }
  int signal_;
  struct sigaction before_{};
};

}  // namespace cv6::guest
