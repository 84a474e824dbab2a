// What was measured, and with which versions; kept in a file between runs.
//
// The file is JSON: `versions`, and `metrics`, a list in the order of the table with `name`, `title`, `unit`, `at_most`
// (where cv6 has a target), and for each system its value, or why there is none:
//   {"name": "stat", ..., "linux": 2540, "cv6": {"failed": "stat: Function not implemented"}}
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "metrics.hpp"
#include "process.hpp"

namespace cv6::bench {

/// The value of a metric, or why it could not be measured.
using Reading = Outcome<std::uint64_t>;
/// By the metric's name. A metric that was not measured is absent.
using Readings = std::map<std::string, Reading, std::less<>>;

struct Versions {
  std::string qemu;
  std::string setting;  ///< a fingerprint of the programs that measure and of the options of the machine
  std::string linux_package;
  std::string cv6;

  /// Whether a measurement of Linux is as good as one made now. Without a package, any will do.
  [[nodiscard]] bool same_linux(const Versions& now) const;
  /// The same for cv6. Sources that are not committed have no version, so nothing measured with them is kept.
  [[nodiscard]] bool same_cv6(const Versions& now) const;
};

struct Results {
  Versions versions;
  Readings on_linux;
  Readings on_cv6;
};

/// The most that cv6 may need: the metric's own limit, or half of what Linux needs, whichever is less; nothing where
/// there is neither.
std::optional<std::uint64_t> limit_of(const Metric& metric, const Results& results);

/// Whether cv6 does as well as it must; nothing for a metric without limit or without value.
std::optional<bool> target_met(const Metric& metric, const Results& results);

/// How many times as much Linux needs, without the instructions that the copying itself takes; nothing where one of the
/// two has no value.
std::optional<double> times_as_much(const Metric& metric, const Results& results);

/// The geometric mean of times_as_much() over all rows that are compared; nothing without any.
std::optional<double> mean_times_as_much(const Results& results);

/// The reading of `metric`, or null.
const Reading* reading_of(const Metric& metric, const Readings& readings);

std::string to_json(const Results& results);

/// The results in `file`; none if there is no such file, or if it is not one of ours.
std::optional<Results> load_results(const std::filesystem::path& file);

/// A text for the bytes of `files` and for `options`, which changes if any of them does.
Outcome<std::string> fingerprint(const std::vector<std::filesystem::path>& files, std::string_view options);

}  // namespace cv6::bench
