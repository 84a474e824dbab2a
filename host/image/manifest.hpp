// What goes into an image, one thing a line; `#` begins a comment, blanks separate:
//   folder  GUEST MODE           an empty folder
//   file    GUEST MODE HOST      a file of the host
//   symlink GUEST TARGET
//   device  GUEST MODE MAJOR MINOR   a node of a character device
//   applets GUEST MODE HOST LIST further names, one a line in LIST, for the file HOST at GUEST: hard links, as
//                                `busybox --install` makes them
//   optional ...                 as the rest of the line, but left out where HOST does not exist
#pragma once

#include <cstdint>
#include <filesystem>

#include "image/archive_writer.hpp"

namespace cv6::host {

// Adds everything that the manifest names, all with the modification time `modified`.
Outcome<> add_manifest(ArchiveWriter& archive, const std::filesystem::path& manifest, std::uint32_t modified);

}  // namespace cv6::host
