#include "task/signal.hpp"

namespace cv6 {

std::string_view signal::name(int number) {
  static constexpr std::string_view names[] = {
      "0",       "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",    "SIGTRAP", "SIGABRT",  "SIGBUS",
      "SIGFPE",  "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",   "SIGPIPE", "SIGALRM",  "SIGTERM",
      "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP",   "SIGTTIN", "SIGTTOU",  "SIGURG",
      "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH",  "SIGIO",   "SIGPWR",   "SIGSYS"};
  return number >= 0 && number < 32 ? names[number] : "SIGRT";
}

DefaultAction default_action(int number) {
  using namespace signal;
  constexpr SignalSet dumps =
      SignalSet::of(quit, illegal, trap, abort, bus, floating_point, segmentation, cpu_limit, file_limit, bad_call);
  if (stopping.contains(number)) return DefaultAction::stop;
  if (number == continue_) return DefaultAction::continue_;
  if (ignored_by_default.contains(number)) return DefaultAction::ignore;
  return dumps.contains(number) ? DefaultAction::terminate_with_core : DefaultAction::terminate;
}

}  // namespace cv6
