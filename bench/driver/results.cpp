#include "results.hpp"

#include <algorithm>
#include <cmath>
#include <format>
#include <nlohmann/json.hpp>

#include "common/files.hpp"

namespace cv6::bench {
namespace {

using Json = nlohmann::ordered_json;

/// What a processor moves with one instruction, on both systems (`rep movsq` counts once for each 8).
constexpr unsigned bytes_copied_at_once = 8;

std::string_view name_of(Unit unit) { return unit == Unit::instructions ? "instructions" : "megabytes"; }

/// How a system's value, or a part of it, is called in a row.
std::string key(std::string_view system, Part part) {
  switch (part) {
    case Part::all: return std::string{system};
    case Part::kernel: return std::format("{}_kernel", system);
    case Part::time: return std::format("{}_ns", system);
  }
  std::unreachable();
}

constexpr std::string_view linux_key = "linux", cv6_key = "cv6";

void put(Json& row, std::string_view system, const Reading* reading) {
  if (reading == nullptr) return;
  if (!*reading) {
    row[key(system, Part::all)] = Json{{"failed", reading->error().text}};
    return;
  }
  const Value& value = **reading;
  row[key(system, Part::all)] = value.all;
  if (value.kernel) row[key(system, Part::kernel)] = *value.kernel;
  if (value.nanoseconds) row[key(system, Part::time)] = *value.nanoseconds;
}

std::optional<std::uint64_t> number(const Json& row, const std::string& key) {
  if (!row.contains(key)) return std::nullopt;
  return row[key].get<std::uint64_t>();
}

void take(const Json& row, std::string_view system, Readings& readings) {
  const std::string all = key(system, Part::all);
  if (!row.contains(all)) return;
  const std::string name = row.at("name");
  if (row[all].is_number_unsigned()) {
    readings.emplace(name, Value{.all = row[all],
                                 .kernel = number(row, key(system, Part::kernel)),
                                 .nanoseconds = number(row, key(system, Part::time))});
  } else {
    readings.emplace(name, failure("{}", row[all].at("failed").get<std::string>()));
  }
}

/// In hundredths: more digits say nothing.
double rounded(double times) { return std::round(times * 100) / 100; }

Json row(const Metric& metric, const Results& results) {
  Json row{{"name", metric.name}, {"title", metric.title}, {"unit", name_of(metric.unit)}};
  if (metric.at_most) row["at_most"] = *metric.at_most;
  put(row, linux_key, reading_of(metric, results.on_linux));
  put(row, cv6_key, reading_of(metric, results.on_cv6));
  if (const auto times = times_as_much(metric, results, Part::all)) row["times_as_much"] = rounded(*times);
  if (const auto times = times_as_much(metric, results, Part::kernel)) row["kernel_times_as_much"] = rounded(*times);
  if (const auto times = times_as_much(metric, results, Part::time)) row["ns_times_as_much"] = rounded(*times);
  if (const auto met = target_met(metric, results)) row["met"] = *met;
  return row;
}

const Reading* find(const Readings& readings, std::string_view name) {
  const auto found = readings.find(name);
  return found == readings.end() ? nullptr : &found->second;
}

Json row(const Series& series, unsigned size, const Results& results) {
  Json row{{"name", name_of(series, size)}, {"title", series.title}};
  put(row, linux_key, find(results.on_linux, name_of(series, size)));
  put(row, cv6_key, find(results.on_cv6, name_of(series, size)));
  return row;
}

Results results_from(const Json& json) {
  const Json& versions = json.at("versions");
  Results results{.versions = {.qemu = versions.at("qemu"),
                               .setting = versions.at("setting"),
                               .linux_package = versions.at("linux"),
                               .cv6 = versions.at("cv6")},
                  .on_linux = {},
                  .on_cv6 = {}};
  for (const char* list : {"metrics", "series"}) {
    for (const Json& row : json.at(list)) {
      take(row, linux_key, results.on_linux);
      take(row, cv6_key, results.on_cv6);
    }
  }
  return results;
}

}  // namespace

bool Versions::same_linux(const Versions& now) const {
  const bool same_package = now.linux_package.empty() || linux_package == now.linux_package;
  return qemu == now.qemu && setting == now.setting && same_package;
}

bool Versions::same_cv6(const Versions& now) const {
  return qemu == now.qemu && setting == now.setting && cv6 == now.cv6 && !now.cv6.ends_with("-dirty");
}

const Reading* reading_of(const Metric& metric, const Readings& readings) {
  return find(readings, metric.name);
}

std::vector<std::optional<std::uint64_t>> values_of(const Series& series, const Readings& readings) {
  std::vector<std::optional<std::uint64_t>> values;
  for (unsigned size : sizes_of(series.along)) {
    const Reading* reading = find(readings, name_of(series, size));
    std::optional<std::uint64_t>& value = values.emplace_back();
    if (reading != nullptr && *reading) value = (*reading)->kernel.value_or((*reading)->all);
  }
  return values;
}

std::optional<std::uint64_t> value_of(const Metric& metric, const Readings& readings, Part part) {
  const Reading* reading = reading_of(metric, readings);
  if (reading == nullptr || !*reading) return std::nullopt;
  switch (part) {
    case Part::all: return (*reading)->all;
    case Part::kernel: return (*reading)->kernel;
    case Part::time: return (*reading)->nanoseconds;
  }
  std::unreachable();
}

std::optional<double> times_as_much(const Metric& metric, const Results& results, Part part) {
  const auto on_linux = value_of(metric, results.on_linux, part);
  const auto on_cv6 = value_of(metric, results.on_cv6, part);
  if (!on_linux || !on_cv6 || (*on_linux == 0 && *on_cv6 == 0)) return std::nullopt;
  const auto own = [&](std::uint64_t value) {
    const double copying = part == Part::time ? 0 : static_cast<double>(metric.moved) / bytes_copied_at_once;
    return std::max(static_cast<double>(value) - copying, 1.0);
  };
  return own(*on_linux) / own(*on_cv6);
}

Part compared_part(const Metric& metric, const Results& results) {
  const bool alone = value_of(metric, results.on_linux, Part::kernel) && value_of(metric, results.on_cv6, Part::kernel);
  return alone ? Part::kernel : Part::all;
}

std::optional<bool> target_met(const Metric& metric, const Results& results) {
  const auto value = value_of(metric, results.on_cv6, Part::all);
  if (!value) return std::nullopt;
  std::optional<bool> met;
  if (metric.at_most) met = *value <= *metric.at_most;
  if (metric.unit != Unit::instructions || metric.beside == Beside::nothing) return met;
  const bool half = metric.beside == Beside::half;
  const auto times = times_as_much(metric, results, half ? compared_part(metric, results) : Part::all);
  if (times) met = met.value_or(true) && *times >= (half ? 2 : 1);
  return met;
}

std::optional<double> mean_times_as_much(const Results& results) {
  double logarithms = 0;
  unsigned rows = 0;
  for (const Metric& metric : metrics) {
    if (metric.beside != Beside::half || metric.unit != Unit::instructions) continue;
    if (const auto times = times_as_much(metric, results, compared_part(metric, results))) {
      logarithms += std::log(*times);
      ++rows;
    }
  }
  if (rows == 0) return std::nullopt;
  return std::exp(logarithms / rows);
}

std::string to_json(const Results& results) {
  const Versions& versions = results.versions;
  Json rows = Json::array();
  for (const Metric& metric : metrics) rows.push_back(row(metric, results));
  Json series_rows = Json::array();
  for (const Series& series : all_series) {
    for (unsigned size : sizes_of(series.along)) series_rows.push_back(row(series, size, results));
  }
  Json json{{"versions",
                   {{"qemu", versions.qemu},
                    {"setting", versions.setting},
                    {"linux", versions.linux_package},
                    {"cv6", versions.cv6}}},
                  {"metrics", rows},
                  {"series", series_rows}};
  if (const auto mean = mean_times_as_much(results)) json["mean_times_as_much"] = rounded(*mean);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<Results> load_results(const std::filesystem::path& file) {
  const auto text = host::read_text(file);
  if (!text) return std::nullopt;
  try {
    return results_from(Json::parse(*text));
  } catch (const Json::exception&) {
    return std::nullopt;  // written by another version of this program, or by hand: measure again
  }
}

Outcome<std::string> fingerprint(const std::vector<std::filesystem::path>& files, std::string_view options) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, 64 bits
  const auto add = [&](std::string_view bytes) {
    for (char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  };
  for (const auto& file : files) add(CV6_TRY(host::read_text(file)));
  add(options);
  return std::format("{:016x}", hash);
}

}  // namespace cv6::bench
