// Debian packages, fetched and unpacked into a folder of the build; nothing is installed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/outcome.hpp"

namespace cv6::host {

// All of `packages` in one `folder`, as they lie in a root; it appears only when it is complete, and is kept. Fails,
// with apt's reason, where there is no apt, no network or no such package. A version is named as for apt:
// `name=version`.
Outcome<> unpack_packages(const std::vector<std::string>& packages, const std::filesystem::path& folder);

}  // namespace cv6::host
