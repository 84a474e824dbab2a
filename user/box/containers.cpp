#include "containers.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>

#include "failure.hpp"

namespace cv6::box {
namespace {

std::optional<int> number_in(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::optional<ContainerStat> find_by_name(const std::string& name) {
  ContainerStat stat;
  if (name.size() >= sizeof stat.name) return std::nullopt;
  stat.which = ContainerStat::Which::by_name;
  std::copy(name.begin(), name.end(), stat.name);
  if (stat_container(stat) == 0) return stat;
  if (errno != ESRCH) throw system_failure(name);
  return std::nullopt;
}

const char* name_of(ContainerState state) {
  switch (state) {
    case ContainerState::ready: return "ready";
    case ContainerState::active: return "active";
    case ContainerState::stopping: return "stopping";
    case ContainerState::frozen: return "frozen";
  }
  return "?";
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array units = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < units.size(); ++unit) value /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

void remove_one(const std::string& name, Force force) {
  const ContainerStat stat = find(name);
  if (stat.state != ContainerState::ready && force == Force::no)
    throw Failure(name + ": its processes are still running (end them first, or use `box rm -f`)");
  if (destroy_container(stat.id) != 0) throw system_failure(name);
}

}  // namespace

void print_columns(const std::vector<std::vector<std::string>>& lines) {
  std::vector<std::size_t> widths(lines.front().size());
  for (const auto& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      text += line[i];
      if (i + 1 < line.size()) text.append(widths[i] - line[i].size() + 3, ' ');
    }
    std::puts(text.c_str());
  }
}

ContainerStat find(const std::string& name_or_id) {
  if (const auto found = find_by_name(name_or_id)) return *found;
  if (const auto id = number_in(name_or_id)) {
    ContainerStat stat;
    stat.id = *id;
    if (stat_container(stat) == 0) return stat;
    if (errno != ESRCH) throw system_failure(name_or_id);
  }
  throw Failure(name_or_id + ": no such container (`box ls` shows all)");
}

int create(const NewContainer& wanted) {
  ContainerCreate arguments;
  if (!wanted.name.empty()) arguments.name = wanted.name.c_str();
  if (!wanted.hostname.empty()) arguments.hostname = wanted.hostname.c_str();
  if (wanted.scheduling.change) arguments.scheduling = &wanted.scheduling;
  const int id = create_container(arguments);
  if (id >= 0) return id;
  const std::string what = wanted.name.empty() ? "a new container" : wanted.name;
  if (errno == EEXIST) throw Failure(what + ": a container has that name already (choose another, or `box rm` it)");
  if (errno == EINVAL) throw Failure(what + ": not a name for a container (1 to 64 letters, digits, `-`, `_`, `.`)");
  throw system_failure(what);
}

std::vector<ContainerStat> all() {
  std::vector<ContainerStat> found;
  ContainerStat stat;
  while (true) {
    stat.which = ContainerStat::Which::next_after_id;
    if (stat_container(stat) != 0) break;
    found.push_back(stat);
  }
  if (errno != ESRCH) throw system_failure("the list of containers");
  return found;
}

void print_table(const std::vector<ContainerStat>& containers) {
  std::vector<std::vector<std::string>> lines = {{"ID", "NAME", "STATE", "PROCESSES", "MEMORY", "HOSTNAME"}};
  for (const ContainerStat& c : containers)
    lines.push_back({std::to_string(c.id), c.name, name_of(c.state), std::to_string(c.processes), size_text(c.memory),
                     c.hostname});
  print_columns(lines);
}

void print_ids(const std::vector<ContainerStat>& containers) {
  for (const ContainerStat& c : containers) std::printf("%d\n", c.id);
}

int remove(const std::vector<std::string>& names, Force force) {
  int status = 0;
  for (const std::string& name : names) {
    try {
      remove_one(name, force);
      std::puts(name.c_str());
    } catch (const Failure& failure) {
      std::fprintf(stderr, "box: %s\n", failure.what());
      status = 1;
    }
  }
  return status;
}

}  // namespace cv6::box
