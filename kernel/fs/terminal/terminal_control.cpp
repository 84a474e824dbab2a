// tty_ioctl(4): what can be asked of a terminal.
#include "fs/terminal/requests.hpp"
#include "fs/terminal/terminal.hpp"

namespace cv6 {

using namespace terminal_request;

namespace {

constexpr std::string_view stop_character = "\x13", start_character = "\x11";

Result<long> change_settings(Terminal& terminal, std::uintptr_t argument, Tty::When when) {
  const Termios settings = TRY(get<Termios>(argument));
  TRY(terminal.jobs().check_access(JobControl::Access::settings));
  TRY(restartable(terminal.tty().set(settings, when)));
  return 0;
}

Result<long> flow_control(Tty& tty, std::uintptr_t argument) {
  switch (argument) {
    case suspend_output: tty.set_flow(Tty::Flow::stop); return 0;
    case resume_output: tty.set_flow(Tty::Flow::start); return 0;
    case suspend_input: TRY(tty.write(stop_character)); return 0;
    case resume_input: TRY(tty.write(start_character)); return 0;
    default: return Error::inval;
  }
}

Result<long> queue_control(Terminal& terminal, unsigned request, std::uintptr_t argument) {
  Tty& tty = terminal.tty();
  TRY(terminal.jobs().check_access(JobControl::Access::settings));
  if (request == flow) return flow_control(tty, argument);
  if (request == send_break || request == send_break_posix) {
    TRY(restartable(tty.drain()));  // and a break condition, if this were a serial line
    return 0;
  }
  if (argument > both_queues) return Error::inval;
  if (argument != output_queue) tty.discard_input();
  if (argument != input_queue) tty.discard_output();
  return 0;
}

Result<long> job_control(JobControl& jobs, unsigned request, std::uintptr_t argument) {
  switch (request) {
    case set_controlling:
      TRY(jobs.acquire(argument == 1 ? JobControl::Steal::yes : JobControl::Steal::no));
      return 0;
    case give_up_controlling: TRY(jobs.give_up()); return 0;
    case get_foreground: return give(argument, TRY(jobs.foreground_group()));
    case set_foreground: {
      const int group = TRY(get<int>(argument));
      TRY(jobs.check_access(JobControl::Access::settings));
      TRY(jobs.set_foreground_group(group));
      return 0;
    }
    case get_session: return give(argument, TRY(jobs.session()));
    default: return Error::notty;
  }
}

}  // namespace

Result<long> control_terminal(Terminal& terminal, unsigned request, std::uintptr_t argument) {
  Tty& tty = terminal.tty();
  switch (request) {
    case get_settings: return give(argument, tty.settings());
    case set_settings: return change_settings(terminal, argument, Tty::When::now);
    case set_settings_drained: return change_settings(terminal, argument, Tty::When::drained);
    case set_settings_flushed: return change_settings(terminal, argument, Tty::When::drained_and_flushed);
    case output_queued: return give(argument, 0);  // what was written is with the device
    case send_break:
    case send_break_posix:
    case flow:
    case flush_queue: return queue_control(terminal, request, argument);
    case get_window: return give(argument, tty.window_size());
    case set_window: tty.set_window_size(TRY(get<WindowSize>(argument))); return 0;
    default: return job_control(terminal.jobs(), request, argument);
  }
}

}  // namespace cv6
