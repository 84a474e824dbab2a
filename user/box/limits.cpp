#include "limits.hpp"

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <optional>

#include "containers.hpp"
#include "failure.hpp"
#include "numbers.hpp"
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

// Bytes, as docker has them: 64m, 1.5G, 512KiB, 100mb; all units are powers of 1024.
std::optional<std::uint64_t> parse_bytes(const std::string& text) {
  const std::string figures = text.substr(0, text.find_first_not_of("0123456789."));
  std::string unit;
  for (const char letter : text.substr(figures.size())) unit += static_cast<char>(std::tolower(letter));
  if (unit.ends_with('b')) unit.pop_back();
  if (unit.size() == 2 && unit.ends_with('i')) unit.pop_back();
  const std::size_t power = unit.size() == 1 ? std::string_view("kmgt").find(unit) + 1 : 0;  // npos + 1 is 0
  if (power == 0) return unit.empty() ? number_in<std::uint64_t>(figures) : std::nullopt;
  char* rest = nullptr;
  const double number = std::strtod(figures.c_str(), &rest);
  if (figures.empty() || *rest != 0) return std::nullopt;
  const double bytes = std::ldexp(number, 10 * static_cast<int>(power));
  return bytes < 0x1p63 ? std::optional(static_cast<std::uint64_t>(bytes)) : std::nullopt;
}

std::uint64_t parse(const LimitKind& kind, const std::string& text) {
  if (text == "-1" || text == "unlimited") return ContainerLimit::unlimited;
  const bool bytes = kind.unit == LimitKind::Unit::bytes;
  if (const auto limit = bytes ? parse_bytes(text) : number_in<std::uint64_t>(text)) return *limit;
  const char* wanted = bytes ? "a size such as 64m, or `unlimited`" : "a number, or `unlimited`";
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
