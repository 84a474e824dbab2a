// The Linux that cv6 is compared with: Debian's kernel for virtual machines. Fetched as a package and unpacked into a
// folder of the build; nothing is installed.
#pragma once

#include <filesystem>
#include <string>

#include "process.hpp"

namespace cv6::bench {

struct LinuxPackage {
  std::string name;
  std::string version;

  [[nodiscard]] std::string text() const { return name + " " + version; }
};

/// The package that Debian has now. Needs apt's index, not the network.
Outcome<LinuxPackage> current_linux_package();

/// The kernel's image (vmlinuz) of `package`, fetched into `folder` if it is not there yet.
Outcome<std::filesystem::path> linux_image(const LinuxPackage& package, const std::filesystem::path& folder);

}  // namespace cv6::bench
