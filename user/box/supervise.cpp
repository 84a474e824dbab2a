// `box supervise`: calls of a container wait until somebody here says what is to become of them.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <memory>

#include "call_names.hpp"
#include "containers.hpp"
#include "descriptor.hpp"
#include "ending.hpp"
#include "failure.hpp"
#include "numbers.hpp"
#include "policy.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

using Action = SupervisorAnswer::Action;
using Operation = ContainerPolicy::Operation;

constexpr const char* answers =
    "y  it runs                    a  it runs, and all later ones of this call\n"
    "n  it fails with EPERM        d  it fails, and all later ones of this call\n"
    "ENAME  it fails with this error (ENOENT ...)      =N  it does not run, and returns N\n"
    "q  leave: this one fails, and so does what is still supervised\n";

struct Options {
  std::string container;
  std::vector<std::string> calls;
  bool run = false, refuse = false;  // without asking
};

// The calls that are supervised only while box supervises.
class SupervisedMeanwhile {
 public:
  SupervisedMeanwhile(int id, CallSet calls) : id_(id), calls_(calls) {
    const Rules before = change_rules(id, Operation::get_own, {});
    for (unsigned place = 0; place < CallSet::size; ++place)
      if (before.supervised.has(place)) calls_.remove(place);
    change_rules(id, Operation::tighten, {.supervised = calls_});
  }
  SupervisedMeanwhile(const SupervisedMeanwhile&) = delete;
  SupervisedMeanwhile& operator=(const SupervisedMeanwhile&) = delete;
  ~SupervisedMeanwhile() {
    try {
      change_rules(id_, Operation::loosen, {.supervised = calls_});
    } catch (const Failure&) {
      // the container is gone
    }
  }

 private:
  int id_;
  CallSet calls_;
};

class Supervisor {
 public:
  Supervisor(const ContainerStat& container, const Options& options)
      : descriptor_(open_container_supervisor({container.id, 0})), refuse_(options.refuse) {
    if (descriptor_ < 0 && errno == EBUSY) throw Failure(std::string(container.name) + ": somebody supervises it already");
    if (descriptor_ < 0) throw system_failure(container.name);
    if (options.run) always_run_ = CallSet::all();
  }
  // Until the container is empty or gone, or somebody wants to leave.
  void serve();

 private:
  bool next(SupervisedCall& call, std::string& text);
  std::optional<SupervisorAnswer> decide(const SupervisedCall& call);
  std::optional<SupervisorAnswer> ask(unsigned place);

  Descriptor descriptor_;
  CallSet always_run_, always_refused_;
  bool refuse_;
};

bool Supervisor::next(SupervisedCall& call, std::string& text) {
  if (is_ending()) return false;
  char buffer[SupervisedCall::longest];
  const ssize_t size = ::read(descriptor_, buffer, sizeof buffer);
  if (size <= 0) return false;
  std::memcpy(&call, buffer, sizeof call);
  text.assign(buffer + sizeof call, call.text_size);
  return true;
}

SupervisorAnswer refusal(int error) { return {.action = Action::fail, .value = error}; }

// None: leave.
std::optional<SupervisorAnswer> Supervisor::ask(unsigned place) {
  while (true) {
    std::fputs("  (y n a d ENAME =N q ?) ", stdout);
    std::fflush(stdout);
    std::string line;
    const bool given = static_cast<bool>(std::getline(std::cin, line));
    if (!::isatty(STDIN_FILENO)) std::puts(line.c_str());  // as if it had been typed
    if (!given || line == "q") return std::nullopt;
    if (line == "a") always_run_.add(place);
    if (line == "d") always_refused_.add(place);
    if (line == "y" || line == "a") return SupervisorAnswer{};
    if (line == "n" || line == "d") return refusal(EPERM);
    if (const auto error = error_number(line)) return refusal(*error);
    if (const auto value = line.starts_with('=') ? number_in<long>(line.substr(1)) : std::nullopt)
      return SupervisorAnswer{.action = Action::give, .value = *value};
    std::fputs(answers, stdout);
  }
}

std::optional<SupervisorAnswer> Supervisor::decide(const SupervisedCall& call) {
  const unsigned place = call.abi == 0 ? CallSet::place_of_linux(call.number) : CallSet::place_of_xv6(call.number);
  if (always_run_.has(place)) return SupervisorAnswer{};
  if (refuse_ || always_refused_.has(place)) return refusal(EPERM);
  return ask(place);
}

void Supervisor::serve() {
  SupervisedCall call;
  for (std::string text; next(call, text);) {
    std::printf("[%d] %s\n", call.process, text.c_str());
    if (std::fflush(stdout) != 0 && errno == EPIPE) throw system_failure("the standard output");
    auto answer = decide(call);
    if (!answer) return;
    answer->question = call.question;
    if (::write(descriptor_, &*answer, sizeof *answer) < 0)
      std::puts(errno == ENOENT ? "  (it has been interrupted by a signal meanwhile)" : std::strerror(errno));
  }
}

void supervise(const Options& options) {
  const ContainerStat container = find(options.container);
  end_by_signals();
  Supervisor supervisor(container, options);  // before the rules: nothing fails for want of one
  const SupervisedMeanwhile rules(container.id, options.calls.empty() ? CallSet() : parse_calls(options.calls));
  if (change_rules(container.id, Operation::get_effective, {}).supervised == CallSet())
    throw Failure(options.container + ": nothing is supervised (name the calls)");
  supervisor.serve();
}

}  // namespace

void add_supervise(CLI::App& box, int&) {
  auto options = std::make_shared<Options>();
  CLI::App& word = *box.add_subcommand("supervise", "decide about calls of a container, one by one");
  word.add_option("CONTAINER", options->container, "name or id")->required();
  word.add_option("CALL", options->calls, "names, numbers, `all`; else those that its policy says");
  auto* run = word.add_flag("-y,--run", options->run, "let every one run: only show them");
  word.add_flag("-n,--refuse", options->refuse, "refuse every one")->excludes(run);
  word.callback([options] { supervise(*options); });
}

}  // namespace cv6::box
