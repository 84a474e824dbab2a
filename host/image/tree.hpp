// Puts files and whole folders of the host into an archive, as they are: permissions, times, symbolic and hard links
// are kept, owners become root. Sockets are left out, as they mean nothing elsewhere.
#pragma once

#include <filesystem>
#include <string>

#include "image/archive_writer.hpp"

namespace cv6::host {

// Adds `source`, and all that is below it if it is a folder, as `guest_path`. `source` itself may be a symbolic link
// to what is meant; links below it are kept as links.
Outcome<> add_tree(ArchiveWriter& archive, const std::filesystem::path& source, const std::string& guest_path);

}  // namespace cv6::host
