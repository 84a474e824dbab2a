// The descriptor table of a container: every descriptor of its processes has one number there (cfd), the lowest that was
// free when it came; and how many there may be. Which process and which of its descriptors that is, the processes' own
// tables know (task/descriptor_table.hpp).
#pragma once

#include "lib/resource_counter.hpp"
#include "lib/vector.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

class DescriptorNumbers {
 public:
  // How many; with those of the containers below.
  ResourceCounter& counter() { return counter_; }

  // One descriptor more, and its number. Error::mfile: there are as many as there may be.
  Result<std::uint32_t> add() {
    if (!counter_.charge(1)) return Error::mfile;
    return number();
  }
  void remove(std::uint32_t number) {
    forget(number);
    counter_.uncharge(1);
  }
  // For those that are counted already. Where there is no memory for a number, it is `none`.
  static constexpr std::uint32_t none = ~0u;
  std::uint32_t number();
  void forget(std::uint32_t number);

 private:
  struct Used {
    Vector<std::uint64_t> words;     // bit n: number n is taken
    std::size_t first_free_word = 0;  // all before it are full
  };
  ResourceCounter counter_;
  Guarded<Used, Rank::call_log> used_;
};

}  // namespace cv6
