#include "run/session.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdlib>

#include "run/console.hpp"
#include "run/debugger.hpp"
#include "run/fetch.hpp"

namespace cv6::host {
namespace {

// How long a guest may take to switch itself off after its job, if it writes nothing meanwhile.
constexpr int patience_after_end_ms = 20'000;

constexpr const char* command_ports[] = {protocol::input_port, protocol::output_port, protocol::error_port};

// A path and nothing that means something to a shell: the program is executed directly, so that what is wrong with it
// is told by us and not guessed at by the shell.
bool names_program(std::string_view word) {
  return word.contains('/') && std::ranges::all_of(word, [](unsigned char c) {
           return std::isalnum(c) || std::string_view("/._+-@:,%").contains(static_cast<char>(c));
         });
}

protocol::Job job_of(const Options& options, bool interactive) {
  protocol::Job job;
  if (const char* terminal = std::getenv("TERM")) job.terminal = terminal;
  job.words = options.command;
  const bool for_shell = job.words.size() == 1 && !names_program(job.words[0]);
  job.kind = for_shell ? protocol::JobKind::shell : protocol::JobKind::program;
  if (options.command.empty()) {
    job.kind = interactive ? protocol::JobKind::console : protocol::JobKind::program;
    if (!interactive) job.words = {"sh", "-l"};  // It reads its commands from standard input.
  }
  for (const Fetch& fetch : options.fetches) job.fetch.push_back(fetch.guest_path);
  return job;
}

}  // namespace

Outcome<std::unique_ptr<Session>> Session::start(Machine machine, const std::filesystem::path& scratch) {
  const Options& options = machine.options;
  Kind kind = options.command.empty() && ::isatty(0) ? Kind::console : Kind::command;
  if (options.debugger == Debugger::gdb && options.command.empty()) kind = Kind::debugger;
  std::unique_ptr<Session> session(new Session(options, kind, CV6_TRY(Events::create())));
  CV6_CHECK(session->catch_signals());
  CV6_CHECK(session->connect(machine));
  std::vector<int> inherited = {machine.kernel_log};
  for (const Port& port : machine.ports) {
    if (port.socket >= 0) inherited.push_back(port.socket);
  }
  session->qemu_.emplace(CV6_TRY(Qemu::start(qemu_command(machine), inherited, scratch / "qemu.err")));
  for (Link& link : session->links_) link.theirs.close();
  if (options.debugger == Debugger::gdb) {
    CV6_CHECK(start_debugger(machine.kernel, machine.gdb_socket, session->events_));
  }
  session->control_.emplace(session->socket_of(protocol::control_port), session->events_);
  return session;
}

Outcome<> Session::connect(Machine& machine) {
  std::vector<const char*> names = {protocol::console_port, protocol::control_port};
  if (kind_ == Kind::command) names.insert(names.end(), std::begin(command_ports), std::end(command_ports));
  if (!options_.fetches.empty()) names.push_back(protocol::files_port);
  for (const char* name : names) {
    if (name == protocol::console_port && kind_ == Kind::command) {
      machine.ports.push_back({name, -1});
      continue;
    }
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return system_failure("socketpair");
    links_.push_back({name, Descriptor(ends[0]), Descriptor(ends[1])});
    machine.ports.push_back({name, ends[1]});
  }
  return {};
}

// The signals come one by one through a descriptor, in this thread; the others, started later, have them blocked too.
// Without a console, stopping and continuing is left to the system.
Outcome<> Session::catch_signals() {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t caught;
  ::sigemptyset(&caught);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::sigaddset(&caught, signal);
  if (kind_ == Kind::console) {
    for (const int signal : {SIGTSTP, SIGCONT, SIGWINCH}) ::sigaddset(&caught, signal);
  }
  ::sigprocmask(SIG_BLOCK, &caught, nullptr);
  signals_ = Descriptor(::signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.open()) return system_failure("signalfd");
  return {};
}

int Session::socket_of(const char* name) const {
  const auto link = std::ranges::find(links_, std::string_view(name), &Link::name);
  return link == links_.end() ? -1 : link->ours.number();
}

Result Session::run() {
  if (kind_ == Kind::console) {
    if (Outcome<Terminal> terminal = Terminal::take()) terminal_.emplace(std::move(*terminal));
  }
  start_pumps();
  send_job();
  while (!leaving_ && !finished()) wait_for_events();
  if (!qemu_gone_) {
    qemu_->kill();
    result_.qemu_status = qemu_->wait();
  }
  if (!leaving_) finish_threads();
  for (const auto& output : outputs_) {
    if (output->error()) result_.output_error = output->error();
  }
  result_.ending = control_->ending();
  result_.guest_was_ready = control_->ready();
  result_.qemu_complaints = qemu_->complaints();
  if (terminal_) {
    if (!result_.ending) write_all(1, screen_.undo());
    if (screen_.in_line()) write_all(1, std::string_view("\r\n"));  // whatever comes next begins a line
    terminal_->give_back();
  }
  return result_;
}

// The ports are closed when the machine is gone, and with them these threads end.
void Session::finish_threads() {
  for (const auto& output : outputs_) output->finish();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Session::start_pumps() {
  threads_.emplace_back([this] { control_->receive(); });
  const int console = socket_of(protocol::console_port);
  if (kind_ == Kind::command) {
    add_output(protocol::output_port, 1, {});
    add_output(protocol::error_port, 2, {});
    const int input = socket_of(protocol::input_port);
    if (options_.debugger == Debugger::gdb)
      ::shutdown(input, SHUT_WR);  // The keyboard is gdb's.
    else
      std::thread(pump_input, 0, input).detach();  // It may wait for its input for ever.
  } else {
    add_output(protocol::console_port, 1, [this](std::string_view bytes) { screen_.follow(bytes); });
  }
  if (kind_ == Kind::console) std::thread([this, console] { pump_keyboard(console, events_); }).detach();
  if (!options_.fetches.empty()) {
    threads_.emplace_back(
        [this] { result_.fetch_complaints = receive_files(socket_of(protocol::files_port), options_.fetches); });
  }
}

void Session::add_output(const char* port, int output, std::function<void(std::string_view)> observe) {
  outputs_.push_back(std::make_unique<OutputPump>(socket_of(port), output, events_, std::move(observe)));
}

// A long command line does not fit into the socket before the guest reads it, so this has a thread of its own. The job
// of a console, where sizes of the window may be sent at the same time, is written at once.
void Session::send_job() {
  if (kind_ == Kind::console) {
    if (const auto window = Terminal::window()) control_->send_window(*window);
  }
  threads_.emplace_back(
      [this] { control_->send(protocol::Type::job, protocol::encode(job_of(options_, kind_ != Kind::command))); });
}

void Session::wait_for_events() {
  pollfd watched[] = {{.fd = signals_.number(), .events = POLLIN, .revents = 0},
                      {.fd = events_.handle(), .events = POLLIN, .revents = 0},
                      {.fd = qemu_gone_ ? -1 : qemu_->handle(), .events = POLLIN, .revents = 0}};
  const bool limited = guest_may_be_stuck();
  const int ready = ::poll(watched, std::size(watched), limited ? patience_after_end_ms : -1);
  if (ready == 0 && limited) {
    result_.stuck = true;
    leaving_ = true;
  }
  if (ready <= 0) return;
  if (watched[0].revents) {
    signalfd_siginfo info{};
    if (::read(signals_.number(), &info, sizeof info) == sizeof info) on_signal(static_cast<int>(info.ssi_signo));
  }
  if (watched[1].revents) on_events(events_.take());
  if (watched[2].revents) {
    result_.qemu_status = qemu_->wait();
    qemu_gone_ = true;
  }
}

void Session::on_signal(int signal) {
  switch (signal) {
    case SIGTSTP:
      return stop_and_continue();
    case SIGCONT:
    case SIGWINCH:
      if (const auto window = Terminal::window()) control_->send_window(*window);
      return;
    case SIGINT:
      if (options_.debugger == Debugger::gdb) return;  // It is meant for gdb.
      break;
    default:
      break;
  }
  result_.signal = signal;
  leaving_ = true;
}

void Session::on_events(unsigned events) {
  if (events & Events::ended) {
    for (const auto& output : outputs_) output->take_all();
  }
  if (events & Events::leave) result_.left = true;
  if (events & (Events::leave | Events::output_broken)) leaving_ = true;
}

// What a terminal program does on SIGTSTP: gives the terminal back, stops, and takes it again when it continues.
void Session::stop_and_continue() {
  if (terminal_) terminal_->give_back();
  ::kill(::getpid(), SIGSTOP);
  if (terminal_) terminal_->take_again();
  if (const auto window = Terminal::window()) control_->send_window(*window);
}

// gdb outlives the machine, which it may kill, and has the terminal: with it the session ends when gdb does.
bool Session::finished() const { return options_.debugger == Debugger::none && qemu_gone_ && output_finished(); }

bool Session::output_finished() const {
  return std::ranges::all_of(outputs_, [](const auto& output) { return output->done(); });
}

// The job has ended, and nothing of its output has to wait for us; but the machine is still there.
bool Session::guest_may_be_stuck() const { return !qemu_gone_ && control_->ending().has_value(); }

}  // namespace cv6::host
