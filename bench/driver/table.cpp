#include "table.hpp"

#include <format>
#include <vector>

namespace cv6::bench {
namespace {

/// 1234567 as 1,234,567.
std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string with_unit(const Metric& metric, std::uint64_t value) {
  return grouped(value) + (metric.unit == Unit::megabytes ? " MB" : "");
}

std::string cell(const Metric& metric, const Reading* reading) {
  if (reading == nullptr) return "-";
  return *reading ? with_unit(metric, **reading) : "failed";
}

std::string ratio(const Metric& metric, const Results& results) {
  const auto times = times_as_much(metric, results);
  return times ? std::format("{:.1f}", *times) : "";
}

std::string verdict(const Metric& metric, const Results& results) {
  const auto met = target_met(metric, results);
  if (!met) return "";
  return *met ? "ok" : "missed";
}

std::string line(const Metric& metric, const Results& results) {
  const Reading* on_linux = reading_of(metric, results.on_linux);
  const Reading* on_cv6 = reading_of(metric, results.on_cv6);
  if (on_linux == nullptr && on_cv6 == nullptr) return {};
  const auto limit = limit_of(metric, results);
  std::string text = std::format("{:<24}{:<56}{:>13}{:>13}{:>11}{:>13}  {}", metric.name, metric.title,
                                 cell(metric, on_linux), cell(metric, on_cv6), ratio(metric, results),
                                 limit ? with_unit(metric, *limit) : "", verdict(metric, results));
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

/// One line for each reason, with the names of all metrics that it stopped.
std::string failures(std::string_view system, const Readings& readings) {
  std::map<std::string_view, std::string> names;
  for (const Metric& metric : metrics) {
    const Reading* reading = reading_of(metric, readings);
    if (reading == nullptr || *reading) continue;
    std::string& list = names[reading->error().text];
    list += (list.empty() ? "" : ", ") + std::string{metric.name};
  }
  std::string text;
  for (const auto& [reason, list] : names) text += std::format("failed on {}: {}\n  ({})\n", system, reason, list);
  return text;
}

}  // namespace

std::string table(const Results& results) {
  const Versions& versions = results.versions;
  std::string text = std::format("{:<80}{:>13}{:>13}{:>11}{:>13}\n", "guest instructions per operation", "Linux", "cv6",
                                 "Linux/cv6", "cv6 at most");
  for (const Metric& metric : metrics) text += line(metric, results);
  if (const auto mean = mean_times_as_much(results)) {
    text += std::format("{:<106}{:>11.1f}\n", "geometric mean of the rows with a limit beside Linux", *mean);
  }
  text += std::format("\ncv6 {}, {}{}QEMU {}\n", versions.cv6, versions.linux_package,
                      versions.linux_package.empty() ? "" : ", ", versions.qemu);
  return text + failures("Linux", results.on_linux) + failures("cv6", results.on_cv6);
}

std::string markdown(const Results& results) {
  std::string text = "| guest instructions | Linux | cv6 | Linux / cv6 |\n|---|---:|---:|---:|\n";
  for (const Metric& metric : metrics) {
    const Reading* on_linux = reading_of(metric, results.on_linux);
    const Reading* on_cv6 = reading_of(metric, results.on_cv6);
    if (on_linux == nullptr || on_cv6 == nullptr) continue;
    text += std::format("| {} | {} | {} | {} |\n", metric.title, cell(metric, on_linux), cell(metric, on_cv6),
                        ratio(metric, results));
  }
  if (const auto mean = mean_times_as_much(results)) {
    text += std::format("| geometric mean, without the rows that are mostly the program's own work | | | {:.1f} |\n", *mean);
  }
  return text + std::format("\ncv6 {}, {}, QEMU {}\n", results.versions.cv6, results.versions.linux_package, results.versions.qemu);
}

}  // namespace cv6::bench
