#include "counter_log.hpp"

#include <charconv>
#include <ranges>

namespace cv6::bench {
namespace {

/// The numbers of `KERNEL USER`; nothing if it is something else, such as the half of a line.
std::optional<Batch> batch_in(std::string_view text) {
  Batch batch;
  const auto [middle, error] = std::from_chars(text.begin(), text.end(), batch.kernel);
  if (error != std::errc{} || middle == text.end() || *middle != ' ') return std::nullopt;
  const auto [end, second_error] = std::from_chars(middle + 1, text.end(), batch.user);
  if (second_error != std::errc{} || end != text.end()) return std::nullopt;
  return batch;
}

void keep_cheaper(std::optional<Batch>& cheapest, const Batch& batch) {
  if (!cheapest || batch.kernel + batch.user < cheapest->kernel + cheapest->user) cheapest = batch;
}

}  // namespace

std::vector<std::optional<Batch>> cheapest_batches(std::string_view log) {
  std::vector<std::optional<Batch>> metrics;
  constexpr std::string_view batch = "batch ";
  for (auto range : log | std::views::split('\n')) {
    const std::string_view line{range};
    if (line == "metric") {
      metrics.emplace_back();
    } else if (metrics.empty()) {
      continue;
    } else if (line == "only_loop") {
      metrics.back().reset();
    } else if (line.starts_with(batch)) {
      if (const auto counts = batch_in(line.substr(batch.size()))) keep_cheaper(metrics.back(), *counts);
    }
  }
  return metrics;
}

std::string plugin_option(const std::filesystem::path& plugin, const std::filesystem::path& log) {
  return std::format("{},log={}", plugin.string(), log.string());
}

/// A machine without processors, whose monitor leaves at once; without the plugin QEMU does not get as far.
Outcome<> try_plugin(const std::filesystem::path& plugin) {
  constexpr const char* attempt =
      "echo quit | qemu-system-x86_64 -machine none -nodefaults -display none -monitor stdio -plugin \"$0\"";
  return output_of({"sh", "-c", attempt, plugin_option(plugin, "/dev/null")}).transform([](const std::string&) {});
}

}  // namespace cv6::bench
