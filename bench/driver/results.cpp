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

std::optional<std::uint64_t> value_of(const Metric& metric, const Readings& readings) {
  const Reading* reading = reading_of(metric, readings);
  if (reading == nullptr || !*reading) return std::nullopt;
  return **reading;
}

std::string_view name_of(Unit unit) { return unit == Unit::instructions ? "instructions" : "megabytes"; }

Json json_of(const Reading& reading) {
  if (reading) return *reading;
  return Json{{"failed", reading.error().text}};
}

Reading reading_from(const Json& json) {
  if (json.is_number_unsigned()) return json.get<std::uint64_t>();
  return failure("{}", json.at("failed").get<std::string>());
}

Json row(const Metric& metric, const Results& results) {
  Json row{{"name", metric.name}, {"title", metric.title}, {"unit", name_of(metric.unit)}};
  if (const auto limit = limit_of(metric, results)) row["at_most"] = *limit;
  if (const Reading* reading = reading_of(metric, results.on_linux)) row["linux"] = json_of(*reading);
  if (const Reading* reading = reading_of(metric, results.on_cv6)) row["cv6"] = json_of(*reading);
  if (const auto times = times_as_much(metric, results)) row["times_as_much"] = std::round(*times * 100) / 100;
  if (const auto met = target_met(metric, results)) row["met"] = *met;
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
  for (const Json& row : json.at("metrics")) {
    const std::string name = row.at("name");
    if (row.contains("linux")) results.on_linux.emplace(name, reading_from(row["linux"]));
    if (row.contains("cv6")) results.on_cv6.emplace(name, reading_from(row["cv6"]));
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
  const auto found = readings.find(metric.name);
  return found == readings.end() ? nullptr : &found->second;
}

std::optional<std::uint64_t> limit_of(const Metric& metric, const Results& results) {
  const auto on_linux = value_of(metric, results.on_linux);
  if (metric.beside == Beside::reported || metric.unit != Unit::instructions || !on_linux) return metric.at_most;
  const std::uint64_t copying = std::min(metric.moved / bytes_copied_at_once, *on_linux);
  const std::uint64_t half = (*on_linux - copying) / 2 + copying;
  return metric.at_most ? std::min(*metric.at_most, half) : half;
}

std::optional<bool> target_met(const Metric& metric, const Results& results) {
  const auto value = value_of(metric, results.on_cv6);
  const auto limit = limit_of(metric, results);
  if (!value || !limit) return std::nullopt;
  return *value <= *limit;
}

std::optional<double> times_as_much(const Metric& metric, const Results& results) {
  const auto on_linux = value_of(metric, results.on_linux);
  const auto on_cv6 = value_of(metric, results.on_cv6);
  if (!on_linux || !on_cv6) return std::nullopt;
  const auto own = [&](std::uint64_t value) {
    const double copying = static_cast<double>(metric.moved) / bytes_copied_at_once;
    return std::max(static_cast<double>(value) - copying, 1.0);
  };
  return own(*on_linux) / own(*on_cv6);
}

std::optional<double> mean_times_as_much(const Results& results) {
  double logarithms = 0;
  unsigned rows = 0;
  for (const Metric& metric : metrics) {
    if (metric.beside == Beside::reported || metric.unit != Unit::instructions) continue;
    if (const auto times = times_as_much(metric, results)) {
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
  Json json{{"versions",
                   {{"qemu", versions.qemu},
                    {"setting", versions.setting},
                    {"linux", versions.linux_package},
                    {"cv6", versions.cv6}}},
                  {"metrics", rows}};
  if (const auto mean = mean_times_as_much(results)) json["mean_times_as_much"] = std::round(*mean * 100) / 100;
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
