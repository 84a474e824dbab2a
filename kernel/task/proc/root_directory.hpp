// /proc itself: the files about the system, the processes by number, self and thread-self.
#pragma once

#include "fs/synthetic.hpp"

namespace cv6::proc {

class RootDirectory final : public SyntheticDirectory {
 public:
  RootDirectory();
  Result<Ref<Inode>> child(std::string_view name) override;
  Result<void> list(std::uint64_t& position, DirectorySink& sink) override;
  // Nothing is made here: every name that does not exist is answered like one that cannot.
  Result<Ref<Inode>> create(std::string_view, const NewInode&) override { return Error::noent; }
};

// The links. Error::nomem.
Result<void> add_self_links(SyntheticDirectory& root);

}  // namespace cv6::proc
