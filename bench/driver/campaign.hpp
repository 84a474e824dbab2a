// A run of the whole: which system is measured in what, and in which setup.
#pragma once

#include "progress.hpp"
#include "results.hpp"
#include "series.hpp"
#include "system.hpp"

namespace cv6::bench {

using Metrics = std::vector<const Metric*>;

struct Wanted {
  Metrics metrics;
  std::vector<const Series*> series;
};

enum class LinuxSide { when_needed, always, never };
enum class Timing { measured, left_out };

/// What systems are made of, on the host.
struct Ingredients {
  std::filesystem::path project;        ///< the folder of the sources
  Programs programs;
  std::filesystem::path kernel_folder;  ///< where Linux is, or is put
  std::filesystem::path counter;        ///< the plugin of QEMU; empty: it cannot be used
};

class Campaign {
 public:
  /// `results` holds what is known already, and gets what is measured.
  Campaign(Ingredients ingredients, Results& results) : ingredients_(std::move(ingredients)), results_(results) {}

  /// Fails only when interrupted. Where there is no Linux to be had, a line tells why, and cv6 is measured alone.
  Outcome<> run(const Wanted& wanted, LinuxSide linux_side, Timing timing);

 private:
  /// One of the two systems, and what is known of it.
  struct Side {
    std::string_view name;
    System& system;
    Readings& readings;
  };

  Outcome<> measure_alone(const Side& side, const Wanted& wanted);
  /// Counts instructions in this setup: of metrics, or of sizes of series by their names.
  template <typename Rows>
  Outcome<> count(const Side& side, Setup setup, Rows wanted);
  Outcome<> measure_times(const Side& linux, const Side& cv6, Metrics wanted);
  Outcome<> measure_series(const Side& side, const std::vector<const Series*>& wanted);

  Ingredients ingredients_;
  Results& results_;
  Progress progress_;
};

}  // namespace cv6::bench
