// Finding, making, listing and removing containers.
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
void print_table(const std::vector<ContainerStat>& containers);
void print_ids(const std::vector<ContainerStat>& containers);

// Columns as wide as their widest entry, three spaces apart, as `docker ps` prints them.
void print_columns(const std::vector<std::vector<std::string>>& lines);

enum class Force { no, yes };
// One after the other, going on after failures, which are reported; returns the exit status.
int remove(const std::vector<std::string>& names, Force force);

}  // namespace cv6::box
