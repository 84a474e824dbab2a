// Copies of files and trees between containers and their outside: kinds, modes, times, links and holes as they are; data is
// shared page by page where the kernel can, and copied otherwise.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "viewer.hpp"

namespace cv6::box {

struct CopyRules {
  enum class Owners { keep, root } owners = Owners::keep;
  // What is mounted in the tree is left out, but for its directory; and these names, relative to the tree.
  enum class Mounts { enter, leave_out } mounts = Mounts::enter;
  std::set<std::string> left_out;
};

// `from` to the name `to`: a directory that is there already gets what is in the other one beside what it has; a file that is
// there is replaced. Throws Failure.
void copy_tree(Viewer& viewer, const Place& from, const Place& to, const CopyRules& rules);

// The names in a directory, without . and .. . Throws Failure.
std::vector<std::string> names_in(const std::string& path);
// What a symbolic link says; its size is in `status`. None: it cannot be read (errno).
std::optional<std::string> link_text(const std::string& path, const struct stat& status);
// Owner, mode and times, of a link itself. False: errno.
bool set_attributes(const std::string& path, const struct stat& status, CopyRules::Owners owners);

// A /proc that is mounted in a tree which is on another device: there is nothing to be copied in it.
bool is_proc(const std::string& path, const struct stat& status, dev_t top);

// What a container's own files are without what the system and volumes put there, and without box's images.
CopyRules image_rules();

}  // namespace cv6::box
