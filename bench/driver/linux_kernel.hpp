// The Linux that cv6 is compared with: Debian's kernel for virtual machines, and crun, the runtime of containers. Fetched
// as packages and unpacked into a folder of the build; nothing is installed.
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

/// What Linux is made of, on this machine.
struct LinuxFiles {
  std::filesystem::path kernel;   ///< the image, vmlinuz
  std::filesystem::path overlay;  ///< overlayfs, a module of the kernel
  std::filesystem::path runtime;  ///< a folder with crun and all its libraries, as they lie in a root
};

/// Those of `package`, fetched into `folder` if they are not there yet.
Outcome<LinuxFiles> linux_files(const LinuxPackage& package, const std::filesystem::path& folder);

}  // namespace cv6::bench
