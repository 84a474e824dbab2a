// What the counter (bench/counter/) has written while a system was measured.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "process.hpp"

namespace cv6::bench {

/// Guest instructions of a batch, whoever executed them.
struct Batch {
  std::uint64_t kernel = 0;
  std::uint64_t user = 0;
};

/// The cheapest batch of each metric, in the order in which they began; nothing for one that did not come to a batch.
std::vector<std::optional<Batch>> cheapest_batches(std::string_view log);

/// The counter `plugin` with the file that it is to write, as QEMU's -plugin wants it.
std::string plugin_option(const std::filesystem::path& plugin, const std::filesystem::path& log);

/// Whether this machine's QEMU can be used with `plugin`: not every one is built for plugins.
Outcome<> try_plugin(const std::filesystem::path& plugin);

}  // namespace cv6::bench
