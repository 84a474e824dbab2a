// eventfd(2): a counter as a file. Writing adds to it, reading takes it all, or one.
#pragma once

#include "fs/file.hpp"

namespace cv6 {

enum class EventReads : std::uint8_t { everything, one };  // EFD_SEMAPHORE: one

// `flags`: open_flag::nonblock. Error::nomem.
Result<Ref<File>> make_event_counter(std::uint64_t value, EventReads reads, OpenFlags flags, const Credentials& credentials);

}  // namespace cv6
