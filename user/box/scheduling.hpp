// How containers share the processors: the options that say so.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cv6/container.hpp"

namespace cv6::box {

// --sched, --sched-seed, --cpus, --cpu-weight: as they were given.
class SchedulingOptions {
 public:
  void add_to(CLI::App& command);
  // What was given, as the system calls want it. Throws Failure.
  ContainerScheduling wanted() const;

 private:
  std::string policy_, cpus_;
  std::uint64_t seed_ = 0;
  std::uint32_t weight_ = 0;
};

}  // namespace cv6::box
