// Containers as box's words name them.
#pragma once

#include <string>
#include <vector>

#include "cv6/container.hpp"

namespace cv6::box {

// By name, or by id. Throws Failure.
ContainerStat find(const std::string& name_or_id);

struct NewContainer {
  std::string name;      // empty: box-<id>
  std::string hostname;  // empty: the name
  ContainerScheduling scheduling = {};
};
int create(const NewContainer& wanted);

// All that the caller may know about, by id.
std::vector<ContainerStat> all();

const char* name_of(ContainerState state);

}  // namespace cv6::box
