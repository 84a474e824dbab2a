#include "linux_kernel.hpp"

#include <optional>
#include <ranges>

#include "common/packages.hpp"

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

/// The file below `folder` whose name begins with `start`.
std::optional<fs::path> file_below(const fs::path& folder, std::string_view start) {
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator{folder, none}) {
    if (entry.path().filename().string().starts_with(start)) return entry.path();
  }
  return std::nullopt;
}

/// crun, and every library that it is linked with.
const std::vector<std::string> runtime_packages{"crun",          "libyajl2",  "libcap2",  "libseccomp2", "libsystemd0", "libgcrypt20",
                                                "libgpg-error0", "liblz4-1",  "liblzma5", "libzstd1",    "libc6"};

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

Outcome<LinuxFiles> linux_files(const LinuxPackage& package, const fs::path& folder) {
  const fs::path place = folder / (package.name + "_" + package.version);
  CV6_CHECK(host::unpack_packages({package.name + "=" + package.version}, place));
  LinuxFiles files{.kernel = {}, .overlay = {}, .runtime = folder / "crun"};
  CV6_CHECK(host::unpack_packages(runtime_packages, files.runtime));
  const auto kernel = file_below(place / "boot", "vmlinuz-");
  const auto overlay = file_below(place / "lib", "overlay.ko");
  if (!kernel || !overlay) return failure("{}: no kernel with overlayfs in the package {}", place.string(), package.name);
  files.kernel = *kernel;
  files.overlay = *overlay;
  return files;
}

}  // namespace cv6::bench
