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
  /// `name` is the system's, for the progress; `counter` the plugin that counts the kernel's instructions alone, or empty.
  Survey(System& system, std::string_view name, Setup setup, std::filesystem::path counter, Progress& progress)
      : system_(system), name_(name), setup_(std::move(setup)), counter_(std::move(counter)), progress_(progress) {}

  /// A reading for each of `wanted`. In instructions; where time is real and there is no counter, in ticks of this computer's
  /// time-stamp counter. Fails only when interrupted.
  Outcome<Readings> measure(std::span<const Metric* const> wanted);
  /// The same for what programs/measure knows by these names.
  Outcome<Readings> measure(std::vector<std::string> names);

 private:
  Outcome<> measure_inside(std::vector<std::string> names);
  /// Runs programs/measure once; what it has dealt with goes to readings_.
  Outcome<> run_measure(const std::vector<std::string>& names);
  Reading first_instruction();
  Reading smallest_memory();

  System& system_;
  std::string name_;
  Setup setup_;
  std::filesystem::path counter_;
  Progress& progress_;
  Readings readings_;
};

}  // namespace cv6::bench
