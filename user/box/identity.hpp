// Users and groups by name or number, as `-u` has them: NAME|NUMBER[:GROUP|NUMBER].
#pragma once

#include <cstdint>
#include <string>

namespace cv6::box {

struct Identity {
  std::uint32_t user = 0, group = 0;
};

// Names are looked up in the container's /etc/passwd and /etc/group; without a group, a known user's own one or 0. Empty:
// root. Throws Failure.
Identity identity_of(const std::string& text, int container);

}  // namespace cv6::box
