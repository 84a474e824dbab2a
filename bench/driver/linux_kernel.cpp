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

/// The file below `folder` whose name begins with `start`.
std::optional<fs::path> file_below(const fs::path& folder, std::string_view start) {
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator{folder, none}) {
    if (entry.path().filename().string().starts_with(start)) return entry.path();
  }
  return std::nullopt;
}

/// Fetches packages and unpacks them into `folder`, which appears only when it is complete.
Outcome<> fetch(const std::vector<std::string>& packages, const fs::path& folder) {
  if (fs::exists(folder)) return {};
  const fs::path partial = folder.string() + ".partial";
  std::error_code error;
  fs::remove_all(partial, error);
  fs::create_directories(partial, error);
  if (error) return failure("{}: {}", partial.string(), error.message());
  // apt-get puts the packages into the working directory.
  std::vector<std::string> command{"sh", "-c", "cd \"$1\" && shift && apt-get download -q \"$@\"", "sh", partial.string()};
  command.insert(command.end(), packages.begin(), packages.end());
  CV6_CHECK(output_of(command));
  std::vector<fs::path> archives;
  for (const auto& entry : fs::directory_iterator{partial}) {
    if (entry.path().extension() == ".deb") archives.push_back(entry.path());
  }
  for (const fs::path& archive : archives) CV6_CHECK(output_of({"dpkg-deb", "-x", archive.string(), partial.string()}));
  fs::rename(partial, folder, error);
  if (error) return failure("{}: {}", folder.string(), error.message());
  return {};
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
  CV6_CHECK(fetch({package.name + "=" + package.version}, place));
  LinuxFiles files{.kernel = {}, .overlay = {}, .runtime = folder / "crun"};
  CV6_CHECK(fetch(runtime_packages, files.runtime));
  const auto kernel = file_below(place / "boot", "vmlinuz-");
  const auto overlay = file_below(place / "lib", "overlay.ko");
  if (!kernel || !overlay) return failure("{}: no kernel with overlayfs in the package {}", place.string(), package.name);
  files.kernel = *kernel;
  files.overlay = *overlay;
  return files;
}

}  // namespace cv6::bench
