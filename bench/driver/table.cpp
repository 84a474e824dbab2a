#include "table.hpp"

#include <array>
#include <cmath>
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

std::string cell(const Metric& metric, const Readings& readings, Part part) {
  const Reading* reading = reading_of(metric, readings);
  if (part == Part::all && reading != nullptr && !*reading) return "failed";
  const auto value = value_of(metric, readings, part);
  return value ? part == Part::all ? with_unit(metric, *value) : grouped(*value) : "-";
}

/// Rounded down: what is a little less than twice is not shown as twice.
std::string ratio(const Metric& metric, const Results& results, Part part) {
  const auto times = times_as_much(metric, results, part);
  return times ? std::format("{:.1f}", std::floor(*times * 10) / 10) : "";
}

constexpr std::array parts{Part::all, Part::kernel, Part::time};

std::string verdict(const Metric& metric, const Results& results) {
  const auto met = target_met(metric, results);
  if (!met) return "";
  return *met ? "ok" : "missed";
}

std::string line(const Metric& metric, const Results& results) {
  if (reading_of(metric, results.on_linux) == nullptr && reading_of(metric, results.on_cv6) == nullptr) return {};
  std::string text = std::format("{:<22}{:<56}", metric.name, metric.title);
  for (Part part : parts) {
    text += std::format("{:>13}{:>13}{:>8}", cell(metric, results.on_linux, part), cell(metric, results.on_cv6, part),
                        ratio(metric, results, part));
    if (part == Part::all) text += std::format("{:>12}", metric.at_most ? with_unit(metric, *metric.at_most) : "");
  }
  text += "  " + verdict(metric, results);
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

constexpr std::string_view mean_title = "geometric mean of Linux / cv6 in the kernel, of all rows that have to do with half";

/// One line for each reason, with the names of all metrics that it stopped.
std::string failures(std::string_view system, const Readings& readings) {
  std::map<std::string_view, std::string> names;
  for (const auto& [name, reading] : readings) {
    if (reading) continue;
    std::string& list = names[reading.error().text];
    list += (list.empty() ? "" : ", ") + name;
  }
  std::string text;
  for (const auto& [reason, list] : names) text += std::format("failed on {}: {}\n  ({})\n", system, reason, list);
  return text;
}

std::string number_or_dash(const std::optional<std::uint64_t>& value) { return value ? grouped(*value) : "-"; }

using Values = std::vector<std::optional<std::uint64_t>>;

bool any(const Values& values) {
  return std::ranges::any_of(values, [](const auto& value) { return value.has_value(); });
}

/// The last figure by the first: 1.0 is as flat as it can be.
std::string growth(const Values& values) {
  if (values.empty() || !values.front() || !values.back() || *values.front() == 0) return "";
  return std::format("{:.2f}", static_cast<double>(*values.back()) / static_cast<double>(*values.front()));
}

std::string_view title_of(Along along) {
  return along == Along::others ? "kernel instructions, beside so many others" : "kernel instructions, so many processors at once";
}

/// A line for each series that was measured, made by `line(series, on Linux, on cv6)`.
template <typename Line>
std::string series_lines(const Results& results, Along along, const Line& line) {
  std::string text;
  for (const Series& series : all_series) {
    if (series.along != along) continue;
    const Values on_linux = values_of(series, results.on_linux);
    const Values on_cv6 = values_of(series, results.on_cv6);
    if (any(on_linux) || any(on_cv6)) text += line(series, on_linux, on_cv6);
  }
  return text;
}

std::string series_table(const Results& results, Along along) {
  const std::string lines = series_lines(results, along, [](const Series& series, const Values& on_linux, const Values& on_cv6) {
    std::string text = std::format("{:<24}{:<48}", series.name, series.title);
    for (const Values* values : {&on_linux, &on_cv6}) {
      for (const auto& value : *values) text += std::format("{:>12}", number_or_dash(value));
      text += std::format("{:>7}", growth(*values));
    }
    return text + "\n";
  });
  if (lines.empty()) return {};
  std::string head = std::format("\n{:<72}", title_of(along));
  for (std::string_view system : {"Linux", "cv6"}) {
    for (unsigned size : sizes_of(along)) {
      const bool first = size == sizes_of(along).front();
      head += std::format("{:>12}", first ? std::format("{}: {}", system, size) : grouped(size));
    }
    head += std::format("{:>7}", "growth");
  }
  return head + "\n" + lines;
}

/// A cell for each size; the first one of a system says which it is.
std::string series_markdown(const Results& results, Along along) {
  const std::string lines = series_lines(results, along, [](const Series& series, const Values& on_linux, const Values& on_cv6) {
    std::string text = std::format("| {} |", series.title);
    for (const Values* values : {&on_linux, &on_cv6}) {
      for (const auto& value : *values) text += std::format(" {} |", number_or_dash(value));
    }
    return text + "\n";
  });
  if (lines.empty()) return {};
  std::string head = std::format("\n| {} |", title_of(along));
  std::string rule = "|---|";
  for (std::string_view system : {"Linux", "cv6"}) {
    for (unsigned size : sizes_of(along)) {
      const bool first = size == sizes_of(along).front();
      head += first ? std::format(" {}: {} |", system, size) : std::format(" {} |", grouped(size));
      rule += "---:|";
    }
  }
  return head + "\n" + rule + "\n" + lines;
}

std::string versions_line(const Versions& versions) {
  return std::format("\ncv6 {}, {}{}QEMU {}\n", versions.cv6, versions.linux_package, versions.linux_package.empty() ? "" : ", ",
                     versions.qemu);
}

}  // namespace

std::string table(const Results& results) {
  std::string text = std::format("{:<78}{:^46}{:^34}{:^34}\n{:<78}", "", "guest instructions", "of the kernel alone", "nanoseconds",
                                 "one operation");
  for (Part part : parts) {
    text += std::format("{:>13}{:>13}{:>8}{}", "Linux", "cv6", "L/cv6", part == Part::all ? "     at most" : "");
  }
  text += "\n";
  const std::size_t head = text.size();
  for (const Metric& metric : metrics) text += line(metric, results);
  if (text.size() == head) text.clear();
  if (const auto mean = mean_times_as_much(results)) text += std::format("{:<150}{:>8.1f}\n", mean_title, *mean);
  text += series_table(results, Along::others) + series_table(results, Along::processors);
  text += versions_line(results.versions);
  return text + failures("Linux", results.on_linux) + failures("cv6", results.on_cv6);
}

std::string markdown(const Results& results) {
  std::string text =
      "| guest instructions | Linux | cv6 | Linux / cv6 | of the kernel: Linux | cv6 | Linux / cv6 | time: Linux / cv6 |\n"
      "|---|---:|---:|---:|---:|---:|---:|---:|\n";
  for (const Metric& metric : metrics) {
    if (reading_of(metric, results.on_linux) == nullptr || reading_of(metric, results.on_cv6) == nullptr) continue;
    text += std::format("| {} |", metric.title);
    for (Part part : {Part::all, Part::kernel}) {
      text += std::format(" {} | {} | {} |", cell(metric, results.on_linux, part), cell(metric, results.on_cv6, part),
                          ratio(metric, results, part));
    }
    text += std::format(" {} |\n", ratio(metric, results, Part::time));
  }
  if (const auto mean = mean_times_as_much(results)) text += std::format("| {} | | | | | | {:.1f} | |\n", mean_title, *mean);
  text += series_markdown(results, Along::others) + series_markdown(results, Along::processors);
  return text + versions_line(results.versions);
}

}  // namespace cv6::bench
