#include "ending.hpp"

#include <csignal>

#include "failure.hpp"

namespace cv6::box {
namespace {

volatile std::sig_atomic_t ending_signal = 0;

}  // namespace

void end_by_signals() {
  struct sigaction action {};
  action.sa_handler = [](int signal) { ending_signal = signal; };  // without SA_RESTART: read(2) comes back
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    // nohup(1) stays in force, and what a script has in the background does not end by ^C.
    if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
  }
  ::signal(SIGPIPE, SIG_IGN);
}

bool is_ending() { return ending_signal != 0; }

void stop_if_ending() {
  const int signal = ending_signal;
  if (signal == 0) return;
  throw Failure(std::string("ended by SIG") + ::sigabbrev_np(signal) + "; what was begun is taken back",
                exit_status::signal_base + signal);
}

}  // namespace cv6::box
