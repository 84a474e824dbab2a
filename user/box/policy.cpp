#include "policy.hpp"

#include <cstdio>
#include <fstream>
#include <memory>

#include "call_counts.hpp"
#include "call_names.hpp"
#include "containers.hpp"
#include "failure.hpp"
#include "policy_file.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

using Operation = ContainerPolicy::Operation;

Rules rules_of(int id, Operation operation) { return change_rules(id, operation, {}); }
void allow_calls(int id, const CallSet& calls) { change_rules(id, Operation::loosen, {.denied = calls, .supervised = calls}); }

}  // namespace

Rules change_rules(int id, Operation operation, const Rules& rules) {
  ContainerPolicy policy;
  policy.id = id;
  policy.operation = operation;
  policy.denied = rules.denied;
  policy.fatal = rules.fatal;
  policy.supervised = rules.supervised;
  if (container_policy(policy) != 0) throw system_failure("the policy of container " + std::to_string(id));
  return {policy.denied, policy.fatal, policy.supervised};
}

void apply_policy(int id, const PolicyOptions& options) {
  if (!options.allow.empty() && options.deny.empty() && options.file.empty())
    throw Failure("--allow: nothing is denied (use it with --policy or --deny; `--deny all --allow ...` allows only these)");
  if (!options.file.empty()) change_rules(id, Operation::replace, read_policy_file(options.file));
  if (!options.deny.empty()) change_rules(id, Operation::tighten, {.denied = parse_calls(options.deny)});
  if (!options.allow.empty()) allow_calls(id, parse_calls(options.allow));
  if (options.learn) add_to_log(id, ContainerLog::counts);
}

namespace {

void show_policy(const std::string& container) {
  const ContainerStat stat = find(container);
  const Rules effective = rules_of(stat.id, Operation::get_effective);
  std::fputs(lines_for(effective).c_str(), stdout);
  if (rules_of(stat.id, Operation::get_own) != effective)
    std::puts("# (with the rules of the containers above it)");
}

void deny(const std::string& container, const CallSet& calls) {
  change_rules(find(container).id, Operation::tighten, {.denied = calls});
}

void allow(const std::string& container, const CallSet& calls) {
  const ContainerStat stat = find(container);
  allow_calls(stat.id, calls);
  const Rules effective = rules_of(stat.id, Operation::get_effective);
  for (unsigned place = 0; place < CallSet::size; ++place)
    if (calls.has(place) && (effective.denied.has(place) || effective.supervised.has(place)))
      throw Failure(name_of_call(place) + ": still " + (effective.denied.has(place) ? "denied" : "supervised") +
                    ", by a container above " + container);
}

// What the container has called since counting began, as a policy: to `output`, or standard output.
void write_learned_policy(const std::string& container, const std::string& output) {
  const ContainerStat stat = find(container);
  CallSet called;
  const std::vector<ContainerCallCount> counts = read_counts(stat.id);
  if (counts.empty()) throw Failure(container + ": its calls are not counted (start it with `box run --learn`)");
  for (unsigned place = 0; place < counts.size(); ++place)
    if (counts[place].calls) called.add(place);
  const std::string text = allow_list(called, std::string("What ") + stat.name + " has called.");
  if (output.empty()) {
    std::fputs(text.c_str(), stdout);
    return;
  }
  std::ofstream file(output);
  if (!(file << text) || !file.flush()) throw Failure(output + ": " + std::strerror(errno));
}

struct PolicyWord {
  std::string container, output;
  std::vector<std::string> calls;
};

}  // namespace

void PolicyOptions::add_to(CLI::App& word) {
  word.add_option("--policy", file, "system calls as this file says (docker's seccomp JSON, or lines)");
  word.add_option("--deny", deny, "system calls that fail: names, numbers, `all`")->allow_extra_args(false);
  word.add_option("--allow", allow, "system calls that are allowed after all")->allow_extra_args(false);
  word.add_flag("--learn", learn, "count system calls from the start, for `box policy learn`");
}

void add_policy(CLI::App& box, int&) {
  auto options = std::make_shared<PolicyWord>();
  CLI::App& policy = *box.add_subcommand("policy", "which system calls a container may make");
  policy.require_subcommand(1);
  const auto add = [&](const char* name, const char* what) -> CLI::App& {
    CLI::App& word = *policy.add_subcommand(name, what);
    word.add_option("CONTAINER", options->container, "name or id")->required();
    return word;
  };
  add("show", "print it").callback([options] { show_policy(options->container); });
  const auto add_change = [&](const char* name, const char* what, void (*change)(const std::string&, const CallSet&)) {
    CLI::App& word = add(name, what);
    word.add_option("CALL", options->calls, "names, numbers, `all`")->required();
    word.callback([options, change] { change(options->container, parse_calls(options->calls)); });
  };
  add_change("allow", "allow calls from now on", allow);
  add_change("deny", "deny calls from now on", deny);
  CLI::App& learn = add("learn", "print a policy that allows what the container has called");
  learn.add_option("-o,--output", options->output, "to this file");
  learn.callback([options] { write_learned_policy(options->container, options->output); });
}

}  // namespace cv6::box
