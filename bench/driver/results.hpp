// What was measured, and with which versions; kept in a file between runs.
//
// The file is JSON: `versions`, and `metrics`, a list in the order of the table with `name`, `title`, `unit`, `at_most`
// (where cv6 has a limit of its own), and for each system its value, or why there is none, the kernel's share of it, and the
// time it takes:
// `series` is the like, with an entry for each size: {"name": "among_files/100", ...}.
//   {"name": "stat", ..., "linux": 2540, "linux_kernel": 2489, "linux_ns": 4000, "cv6": {"failed": "stat: Function not ..."}}
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "metrics.hpp"
#include "process.hpp"
#include "series.hpp"

namespace cv6::bench {

struct Value {
  std::uint64_t all = 0;                          ///< in the metric's unit; instructions of user and kernel together
  std::optional<std::uint64_t> kernel = {};       ///< instructions of the kernel alone, where the counter counted them
  std::optional<std::uint64_t> nanoseconds = {};  ///< where they were measured, on both systems in one run
};

/// The value of a metric, or why it could not be measured.
using Reading = Outcome<Value>;
/// By the metric's name, or that of a series in one of its sizes. What was not measured is absent.
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

/// What of a value is compared.
enum class Part { all, kernel, time };

/// The part of a system's value; nothing where there is none.
std::optional<std::uint64_t> value_of(const Metric& metric, const Readings& readings, Part part);

/// How many times as much Linux needs, without the instructions that the copying itself takes, but with the time; nothing
/// where one of the two has no value, or both have none to compare: what does not enter the kernel.
std::optional<double> times_as_much(const Metric& metric, const Results& results, Part part);

/// The part by which the metric is compared with Linux: the kernel, where it was counted alone.
Part compared_part(const Metric& metric, const Results& results);

/// Whether cv6 does as well as it must, which its own limit and the comparison with Linux say; nothing for a metric with
/// neither, or without value.
std::optional<bool> target_met(const Metric& metric, const Results& results);

/// The geometric mean of times_as_much(), by compared_part(), over all rows that have to do with half; nothing without any.
std::optional<double> mean_times_as_much(const Results& results);

/// The reading of `metric`, or null.
const Reading* reading_of(const Metric& metric, const Readings& readings);

/// What is compared of a series in each of its sizes: the kernel's instructions, or all where it was not counted alone.
/// Nothing for a size that has no value.
std::vector<std::optional<std::uint64_t>> values_of(const Series& series, const Readings& readings);

std::string to_json(const Results& results);

/// The results in `file`; none if there is no such file, or if it is not one of ours.
std::optional<Results> load_results(const std::filesystem::path& file);

/// A text for the bytes of `files` and for `options`, which changes if any of them does.
Outcome<std::string> fingerprint(const std::vector<std::filesystem::path>& files, std::string_view options);

}  // namespace cv6::bench
