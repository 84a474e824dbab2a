// Measures metrics on one system, whatever happens to it meanwhile: a metric that a system does not survive costs that
// metric only.
#pragma once

#include <span>

#include "progress.hpp"
#include "results.hpp"
#include "system.hpp"

namespace cv6::bench {

class Survey {
 public:
  /// `name` is the system's, for the progress.
  Survey(System& system, std::string_view name, Progress& progress)
      : system_(system), name_(name), progress_(progress) {}

  /// A reading for each of `wanted`. Fails only when interrupted.
  Outcome<Readings> measure(std::span<const Metric* const> wanted);

 private:
  Outcome<> measure_inside(std::vector<std::string> names);
  /// Runs programs/measure once; the names of those that it has dealt with go to readings_.
  Outcome<> run_measure(const std::vector<std::string>& names);
  Reading first_instruction();
  Reading smallest_memory();

  System& system_;
  std::string name_;
  Progress& progress_;
  Readings readings_;
};

}  // namespace cv6::bench
