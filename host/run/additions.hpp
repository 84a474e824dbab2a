// The guest's root with what --add brings: the image that was built, followed by a second archive, in a file of its
// own. The kernel unpacks one after the other.
#pragma once

#include <filesystem>
#include <vector>

#include "run/options.hpp"

namespace cv6::host {

// Writes both to `output`.
Outcome<> write_image_with(const std::vector<Addition>& additions, const std::filesystem::path& image,
                           const std::filesystem::path& output);

}  // namespace cv6::host
