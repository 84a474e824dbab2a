// Containers as box's words name them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cv6/container.hpp"

namespace cv6::box {

// By name, or by id. Throws Failure.
ContainerStat find(const std::string& name_or_id);

struct NewContainer {
  std::string name;      // empty: box-<id>
  std::string hostname;  // empty: the name
  std::uint64_t flags = 0;  // of ContainerCreate
  std::string root;         // the directory whose files it gets; empty: all that the host has
  ContainerScheduling scheduling = {};
};
int create(const NewContainer& wanted);

// What there is to know about it now. Throws Failure.
ContainerStat stat_of(int id);

// Does `action` with each of the containers, going on after failures, which are reported; prints the name of each that it
// was done with. The exit status.
int for_each(const std::vector<std::string>& names, const std::function<void(const ContainerStat&)>& action);

enum class Frozen { no, yes };
void set_frozen(const ContainerStat& container, Frozen frozen);

inline constexpr const char* not_a_name = "not a name for a container (1 to 64 letters, digits, `-`, `_`, `.`)";

// All that the caller may know about, by id.
std::vector<ContainerStat> all();

const char* name_of(ContainerState state);

}  // namespace cv6::box
