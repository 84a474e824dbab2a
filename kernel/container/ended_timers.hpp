// The last readings of processor-time timers whose processes are gone: who started one may ask after it has waited for the
// process. The newest few are kept; where there is no memory for them, none. Most containers have none.
#pragma once

#include <array>
#include <memory>
#include <new>
#include <optional>

#include "lib/units.hpp"

namespace cv6 {

class EndedTimers {
 public:
  void add(int process, Nanoseconds time) {
    if (!entries_) entries_.reset(new (std::nothrow) Entries);
    if (entries_) (*entries_)[next_++ % most] = {process, time};
  }
  // The newest of that number.
  std::optional<Nanoseconds> find(int process) const {
    for (unsigned back = 1; entries_ && back <= most; ++back) {
      const Entry& entry = (*entries_)[(next_ - back) % most];
      if (entry.process == process) return entry.time;
    }
    return std::nullopt;
  }

 private:
  static constexpr unsigned most = 64;
  struct Entry {
    int process = 0;
    Nanoseconds time = 0;
  };
  using Entries = std::array<Entry, most>;
  std::unique_ptr<Entries> entries_;
  unsigned next_ = 0;
};

}  // namespace cv6
