#include "limits.hpp"

#include <charconv>
#include <cmath>
#include <iterator>
#include <memory>

#include "containers.hpp"
#include "failure.hpp"
#include "scheduling.hpp"
#include "words.hpp"

namespace cv6::box {

const LimitKind limit_kinds[] = {
    {ContainerLimit::Kind::processes, "pids", "processes and threads", LimitKind::Unit::number},
    {ContainerLimit::Kind::open_files, "files", "open files", LimitKind::Unit::number},
    {ContainerLimit::Kind::memory, "memory", "memory, the kernel's for it included", LimitKind::Unit::bytes},
    {ContainerLimit::Kind::disk, "disk", "data of files that it writes", LimitKind::Unit::bytes},
    {ContainerLimit::Kind::messages, "messages", "messages that wait for its xv6 processes", LimitKind::Unit::number},
};
const std::size_t limit_kind_count = std::size(limit_kinds);

namespace {

// As docker has sizes: a number and perhaps b, k, m, g.
std::uint64_t parse(const LimitKind& kind, const std::string& text) {
  if (text == "-1" || text == "unlimited") return ContainerLimit::unlimited;
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  const std::string unit(rest, end);
  if (error == std::errc{}) {
    if (unit.empty()) return number;
    const std::size_t power = kind.unit == LimitKind::Unit::bytes && unit.size() == 1 ? std::string("bkmg").find(unit) : std::string::npos;
    if (power != std::string::npos && number <= ContainerLimit::unlimited >> 40) return number << 10 * power;
  }
  const char* wanted = kind.unit == LimitKind::Unit::bytes ? "a size such as 64m, or `unlimited`" : "a number, or `unlimited`";
  throw Failure(std::string("--") + kind.name + " " + text + ": " + wanted + " is wanted");
}

// Docker's other names.
const char* also_named(ContainerLimit::Kind kind) {
  switch (kind) {
    case ContainerLimit::Kind::processes: return ",--pids-limit";
    case ContainerLimit::Kind::memory: return ",-m";
    default: return "";
  }
}

struct UpdateOptions {
  std::vector<std::string> names;
  LimitOptions limits;
  SchedulingOptions scheduling;
};

int update(const UpdateOptions& options) {
  ContainerScheduling scheduling = options.scheduling.wanted();
  if (options.limits.empty() && !scheduling.change) throw Failure("update: nothing to be changed (see `box update --help`)");
  return for_each(options.names, [&](const ContainerStat& container) {
    options.limits.apply(container.id);
    scheduling.id = container.id;
    ContainerScheduling change = scheduling;
    if (scheduling.change && container_scheduling(change) != 0) throw system_failure(container.name);
  });
}

}  // namespace

void LimitOptions::add_to(CLI::App& word) {
  for (const LimitKind& kind : limit_kinds) {
    const std::string name = std::string("--") + kind.name + also_named(kind.kind);
    word.add_option_function<std::string>(
        name, [this, &kind](const std::string& text) { values_[&kind] = parse(kind, text); },
        std::string("limit: ") + kind.what);
  }
}

void LimitOptions::set_default(ContainerLimit::Kind kind, std::uint64_t value) {
  for (const LimitKind& one : limit_kinds)
    if (one.kind == kind) values_.try_emplace(&one, value);
}

void LimitOptions::apply(int container) const {
  for (const auto& [kind, value] : values_) {
    ContainerLimit limit;
    limit.id = container;
    limit.operation = ContainerLimit::Operation::set;
    limit.kind = kind->kind;
    limit.limit = value;
    if (container_limit(limit) != 0) throw system_failure(std::string("--") + kind->name);
  }
}

ContainerLimit limit_of(int container, ContainerLimit::Kind kind) {
  ContainerLimit limit;
  limit.id = container;
  limit.kind = kind;
  if (container_limit(limit) != 0) throw system_failure("the limits of container " + std::to_string(container));
  return limit;
}

void add_update(CLI::App& box, int& status) {
  auto options = std::make_shared<UpdateOptions>();
  CLI::App& word = *box.add_subcommand("update", "change limits and scheduling while containers run");
  word.add_option("CONTAINER", options->names, "names or ids")->required();
  options->limits.add_to(word);
  options->scheduling.add_to(word);
  word.callback([options, &status] { status = update(*options); });
}

}  // namespace cv6::box
