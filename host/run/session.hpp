// One run of the machine, from its start until nothing of it is left: it connects the ports with the runner's standard
// input and output or with the terminal, hands the guest its job, and waits for the end.
//
// States: started -> (guest ready) -> (job ended) -> QEMU gone and all output passed on. The user may leave at any
// time, by Ctrl-A x on the console or by a signal; the machine is then switched off like a lamp.
#pragma once

#include <sys/signalfd.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "run/control.hpp"
#include "run/machine.hpp"
#include "run/qemu.hpp"
#include "run/terminal.hpp"

namespace cv6::host {

// How a run ended, for main() to report.
struct Result {
  std::optional<protocol::Ending> ending;  // of the job, if the guest told
  bool left = false;                       // the user left the console, or gdb
  int signal = 0;                          // the runner was asked to end by this signal
  int output_error = 0;                    // errno: our output could not be written
  bool stuck = false;                      // the guest did not switch itself off after the job
  bool guest_was_ready = false;
  int qemu_status = 0;  // as waitpid(2) gives it
  std::string qemu_complaints;
  std::vector<std::string> fetch_complaints;
};

class Session {
 public:
  // `machine` has everything but its ports. The files are in `scratch`.
  static Outcome<std::unique_ptr<Session>> start(Machine machine, const std::filesystem::path& scratch);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Returns when the machine is gone and its output written, or at once if the user leaves. Threads that wait for
  // input, or for somebody to read our output, may be left behind: the process is to end by _exit(2) or a signal, and
  // the session never to be destroyed.
  Result run();

 private:
  ~Session() = default;
  friend struct std::default_delete<Session>;  // for a session that could not be started

  enum class Kind {
    console,  // the terminal is the guest's console
    command,  // standard input, output and error are the command's
    debugger  // the console's output is shown, but the keyboard is gdb's
  };
  struct Link {
    const char* name;
    Descriptor ours;
    Descriptor theirs;
  };

  Session(const Options& options, Kind kind, Events events)
      : options_(options), kind_(kind), events_(std::move(events)) {}

  Outcome<> connect(Machine& machine);
  Outcome<> catch_signals();
  int socket_of(const char* name) const;
  void start_pumps();
  void add_output(const char* port, int output, std::function<void(std::string_view)> observe);
  void send_job();
  void wait_for_events();
  void on_signal(int signal);
  void on_events(unsigned events);
  void stop_and_continue();
  [[nodiscard]] bool finished() const;
  bool output_finished() const;
  bool guest_may_be_stuck() const;
  void finish_threads();

  const Options& options_;
  Kind kind_;
  Events events_;
  Descriptor signals_;
  std::vector<Link> links_;
  std::optional<Qemu> qemu_;
  std::optional<Control> control_;
  std::optional<Terminal> terminal_;
  ScreenState screen_;
  std::vector<std::unique_ptr<OutputPump>> outputs_;
  std::vector<std::thread> threads_;  // those that end when the machine does
  bool qemu_gone_ = false;
  bool leaving_ = false;  // without waiting for anything
  Result result_;
};

}  // namespace cv6::host
