#include "containers.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "failure.hpp"
#include "numbers.hpp"

namespace cv6::box {
namespace {

std::optional<ContainerStat> find_by_name(const std::string& name) {
  ContainerStat stat;
  if (name.size() >= sizeof stat.name) return std::nullopt;
  stat.which = ContainerStat::Which::by_name;
  std::copy(name.begin(), name.end(), stat.name);
  if (stat_container(stat) == 0) return stat;
  if (errno != ESRCH) throw system_failure(name);
  return std::nullopt;
}

}  // namespace

const char* name_of(ContainerState state) {
  switch (state) {
    case ContainerState::ready: return "ready";
    case ContainerState::active: return "active";
    case ContainerState::stopping: return "stopping";
    case ContainerState::frozen: return "frozen";
  }
  return "?";
}

ContainerStat find(const std::string& name_or_id) {
  if (const auto found = find_by_name(name_or_id)) return *found;
  if (const auto id = number_in<int>(name_or_id); id && *id >= 0) {
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
  arguments.flags = wanted.flags;
  if (!wanted.root.empty()) arguments.root = wanted.root.c_str();
  if (wanted.scheduling.change) arguments.scheduling = &wanted.scheduling;
  const int id = create_container(arguments);
  if (id >= 0) return id;
  const std::string what = wanted.name.empty() ? "a new container" : wanted.name;
  if (errno == EEXIST) throw Failure(what + ": a container has that name already (choose another, or `box rm` it)");
  if (errno == EINVAL) throw Failure(what + ": " + not_a_name);
  throw system_failure(what);
}

ContainerStat stat_of(int id) {
  ContainerStat stat;
  stat.id = id;
  if (stat_container(stat) != 0) throw system_failure("container " + std::to_string(id));
  return stat;
}

int for_each(const std::vector<std::string>& names, const std::function<void(const ContainerStat&)>& action) {
  int status = 0;
  for (const std::string& name : names) {
    try {
      action(find(name));
      std::puts(name.c_str());
    } catch (const Failure& failure) {
      report(failure);
      status = 1;
    }
  }
  return status;
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

}  // namespace cv6::box
