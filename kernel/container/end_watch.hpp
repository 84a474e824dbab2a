// Tells whoever has watched a container since some moment whether there is anything left to come: it is over once the
// container has become empty, or is being destroyed. One that was empty from the start may still get a first process.
#pragma once

#include "container/container.hpp"

namespace cv6 {

class EndWatch {
 public:
  explicit EndWatch(Ref<Container> container)
      : container_(std::move(container)),
        was_occupied_(container_->process_count() != 0),
        emptied_before_(times_emptied()) {}

  bool over() const {
    if (container_->state() == Container::State::stopping) return true;
    return container_->process_count() == 0 && (was_occupied_ || times_emptied() != emptied_before_);
  }
  Container& container() const { return *container_; }

 private:
  std::uint64_t times_emptied() const { return container_->gate().log().times_emptied(); }

  Ref<Container> container_;
  bool was_occupied_;
  std::uint64_t emptied_before_;
};

}  // namespace cv6
