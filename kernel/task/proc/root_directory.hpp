// /proc itself: the files about the system, the processes by number, self and thread-self.
#pragma once

#include "fs/synthetic.hpp"

namespace cv6::proc {

class RootDirectory final : public SyntheticDirectory {
 public:
  RootDirectory();
  Result<Ref<Inode>> child(std::string_view name) override;
  Result<void> list(std::uint64_t& position, DirectorySink& sink) override;
};

// The links. Error::nomem.
Result<void> add_self_links(SyntheticDirectory& root);

}  // namespace cv6::proc
