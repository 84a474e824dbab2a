#include "linux_kernel.hpp"

#include <optional>
#include <ranges>

namespace cv6::bench {
namespace {

namespace fs = std::filesystem;

/// The package whose dependency is always the newest kernel.
constexpr std::string_view newest = "linux-image-cloud-amd64";

/// The first line of `text` that begins with `start` after blanks: what follows.
std::optional<std::string> after(std::string_view text, std::string_view start) {
  for (auto range : text | std::views::split('\n')) {
    std::string_view line{range};
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (line.starts_with(start)) return std::string{line.substr(start.size())};
  }
  return std::nullopt;
}

std::optional<fs::path> image_below(const fs::path& folder) {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator{folder / "boot", none}) {
    if (entry.path().filename().string().starts_with("vmlinuz-")) return entry.path();
  }
  return std::nullopt;
}

/// Fetches and unpacks into `folder`, which appears only when it is complete.
Outcome<> fetch(const LinuxPackage& package, const fs::path& folder) {
  const fs::path partial = folder.string() + ".partial";
  std::error_code error;
  fs::remove_all(partial, error);
  fs::create_directories(partial, error);
  if (error) return failure("{}: {}", partial.string(), error.message());
  // apt-get puts the package into the working directory.
  CV6_CHECK(output_of({"sh", "-c", "cd \"$1\" && apt-get download -q \"$2\"", "sh", partial.string(),
                       package.name + "=" + package.version}));
  for (const auto& entry : fs::directory_iterator{partial}) {
    if (entry.path().extension() != ".deb") continue;
    CV6_CHECK(output_of({"dpkg-deb", "-x", entry.path().string(), partial.string()}));
  }
  fs::rename(partial, folder, error);
  if (error) return failure("{}: {}", folder.string(), error.message());
  return {};
}

}  // namespace

Outcome<LinuxPackage> current_linux_package() {
  const std::string dependencies = CV6_TRY(output_of({"apt-cache", "depends", std::string{newest}}));
  const auto name = after(dependencies, "Depends: ");
  if (!name) return failure("{}: apt does not know it; `apt-get update` may help", newest);
  const std::string policy = CV6_TRY(output_of({"apt-cache", "policy", *name}));
  const auto version = after(policy, "Candidate: ");
  if (!version) return failure("{}: apt has no version of it; `apt-get update` may help", *name);
  return LinuxPackage{.name = *name, .version = *version};
}

Outcome<fs::path> linux_image(const LinuxPackage& package, const fs::path& folder) {
  const fs::path place = folder / (package.name + "_" + package.version);
  if (!image_below(place)) CV6_CHECK(fetch(package, place));
  if (auto image = image_below(place)) return *image;
  return failure("{}: no kernel in the package {}", place.string(), package.name);
}

}  // namespace cv6::bench
