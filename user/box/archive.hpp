// Archives of trees of files, by libarchive: tar is written; tar and cpio, also compressed by gzip or xz, are read.
// docs/dependencies.md says what of libarchive is linked.
#pragma once

#include <string>

#include "copy_tree.hpp"

namespace cv6::box {

// Writes the file or tree `path` of the files that are seen now, under the name `name` ("": what is in it), to `descriptor`.
// Throws Failure.
void pack(const std::string& path, const std::string& name, int descriptor, const CopyRules& rules);

// Unpacks the archive below `directory` of the files that are seen now, whose links so lead nowhere else. Names that lead out
// of the directory are refused. `shown`: the archive's name for messages. Throws Failure.
void unpack(int descriptor, const std::string& directory, const std::string& shown, CopyRules::Owners owners);

}  // namespace cv6::box
