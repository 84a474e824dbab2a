// The place through which a mapped file was opened: what /proc/PID/maps shows as its name. It keeps the mount busy.
#pragma once

#include "fs/path.hpp"
#include "mm/payer.hpp"
#include "vm/mapping.hpp"

namespace cv6 {

class MappedFile final : public MappedPlace, public Charged<MappedFile, "mapped_file"> {
 public:
  explicit MappedFile(Path path) : path_(std::move(path)) {}
  const Path& path() const { return path_; }

 private:
  Path path_;
};

}  // namespace cv6
