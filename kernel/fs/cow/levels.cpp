#include "fs/cow/inodes.hpp"

namespace cv6::cow {

Levels::Levels(Directory& top) {
  for (Directory* at = &top; at; at = at->lower_view_directory()) {
    directories_[count_++] = at;
    if (!at->lower_view_directory()) base_ = at->part_.lower.get();
  }
}

Result<Ref<Inode>> Levels::find(std::string_view name, unsigned from, unsigned& found_at) const {
  for (found_at = from; found_at < count_; ++found_at) {
    Directory& directory = *directories_[found_at];
    SpinGuard guard(directory.view().lock());
    const Entry* entry = directory.find(name);
    if (!entry) continue;
    if (!entry->inode) return Error::noent;
    return entry->inode;
  }
  if (!base_) return Error::noent;
  MutexGuard guard(base_->mutex());
  return base_->lookup(name);
}

}  // namespace cv6::cow
