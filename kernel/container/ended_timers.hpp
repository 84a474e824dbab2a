// The last readings of processor-time timers whose processes are gone: who started one may ask after it has waited for the
// process. The newest few are kept.
#pragma once

#include <array>
#include <optional>

#include "lib/units.hpp"

namespace cv6 {

class EndedTimers {
 public:
  void add(int process, Nanoseconds time) { entries_[next_++ % entries_.size()] = {process, time}; }
  // The newest of that number.
  std::optional<Nanoseconds> find(int process) const {
    for (unsigned back = 1; back <= entries_.size(); ++back) {
      const Entry& entry = entries_[(next_ - back) % entries_.size()];
      if (entry.process == process) return entry.time;
    }
    return std::nullopt;
  }

 private:
  struct Entry {
    int process = 0;
    Nanoseconds time = 0;
  };
  std::array<Entry, 64> entries_;
  unsigned next_ = 0;
};

}  // namespace cv6
