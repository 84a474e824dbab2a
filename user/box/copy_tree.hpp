// Copies of files and trees between containers and their outside: kinds, modes, times, links and holes as they are; data is
// shared page by page where the kernel can, and copied otherwise.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "descriptor.hpp"
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

// While a tree is read, who runs in it may remove what is there, and put something else in its place: a FIFO, a device, a
// link. What has gone is passed over; nothing else than what was meant is read. `shown`: the name for messages.

// lstat(2). False: it has gone. Throws Failure.
bool look_at(const std::string& path, const std::string& shown, struct stat& status);
// The regular file with this name, which had this status; it becomes that of what was opened. Negative: it has gone. Throws
// Failure.
Descriptor open_source(const std::string& path, const std::string& shown, struct stat& status);
// The names in a directory, without . and .. ; none if it has gone. Throws Failure.
std::vector<std::string> names_in(const std::string& path, const std::string& shown);
// What a symbolic link says; its size is in `status`. None: it has gone. Throws Failure.
std::optional<std::string> link_text(const std::string& path, const std::string& shown, const struct stat& status);

// Owner, mode and times of a file or directory that has been made. False: errno.
bool set_attributes(int file, const struct stat& status, CopyRules::Owners owners);
// Of what is not opened, owner and times; of a link itself. Its mode it has from the start.
bool set_attributes(const std::string& path, const struct stat& status, CopyRules::Owners owners);
// A FIFO or device, with the mode that `status` says. False: errno.
bool make_node(const std::string& path, const struct stat& status);

// A /proc that is mounted in a tree which is on another device: there is nothing to be copied in it.
bool is_proc(const std::string& path, const struct stat& status, dev_t top);

// What a container's own files are without what the system and volumes put there, and without box's images.
CopyRules image_rules();

}  // namespace cv6::box
