// What views show otherwise than what they are views of: `docker diff`.
#pragma once

#include <string_view>

#include "fs/path.hpp"
#include "mm/guest_memory.hpp"

namespace cv6::cow {

enum class ChangeKind : char { added = 'A', changed = 'C', removed = 'D' };

class ChangeSink {
 public:
  // `path` is as somebody at the root of the tree sees it. No lock is held. An error ends the listing.
  virtual Result<void> change(ChangeKind kind, std::string_view path) = 0;

 protected:
  ~ChangeSink() = default;
};

// Tells `sink` what differs between each view of `owner` in the tree of mounts below `root`, and what is below the view now.
// A directory comes before what is in it; otherwise the order is that in which the changes began. A directory is changed if
// its attributes are, or anything in it is. What is in a directory that was added, or has another name now, is listed in
// full, as added; what was in one that was removed is not listed.
// Costs what has changed, not what the views show. What changes meanwhile may be seen or not. Error::nomem, the sink's.
Result<void> list_changes(const Path& root, const GuestMemory& owner, ChangeSink& sink);

}  // namespace cv6::cow
