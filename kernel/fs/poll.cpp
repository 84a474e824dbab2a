#include "fs/poll.hpp"

namespace cv6 {

void PollWaiters::watch(WaitQueue& queue, PollEvents tells) {
  if (!(tells & wanted_)) return;
  if (used_ < inline_places) {
    queue.add(inline_[used_++]);
    return;
  }
  Own<Place> place(new (std::nothrow) Place(event_));
  if (!place) {
    note_no_memory();
    return;
  }
  queue.add(place->waiter);
  place->next = std::move(more_);
  more_ = std::move(place);
}

PollWaiters::~PollWaiters() {
  while (more_) more_ = std::move(more_->next);  // one by one: a chain of a thousand must not recurse
}

}  // namespace cv6
