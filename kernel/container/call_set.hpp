// Sets of system calls, as the gate and its log know them: by number only. Each ABI has its own range of bits; the last bit
// of a range stands for all numbers from there on, known or not.
//
// A set is changed with some lock held and may be looked at without one: every bit is right before or after a change, and
// nothing orders one bit with another.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

namespace cv6 {

enum class CallAbi : std::uint8_t { linux, xv6 };

class CallSet {
 public:
  static constexpr unsigned linux_bits = 1088, xv6_bits = 64;
  static constexpr unsigned bits = linux_bits + xv6_bits;
  static constexpr unsigned words = bits / 64;
  using Words = std::array<std::uint64_t, words>;

  static constexpr unsigned first_bit(CallAbi abi) { return abi == CallAbi::linux ? 0 : linux_bits; }
  static constexpr unsigned bits_of(CallAbi abi) { return abi == CallAbi::linux ? linux_bits : xv6_bits; }
  // The bit of a call.
  static constexpr unsigned bit(CallAbi abi, std::uint64_t number) {
    const unsigned last = bits_of(abi) - 1;
    return first_bit(abi) + (number < last ? static_cast<unsigned>(number) : last);
  }

  constexpr CallSet() = default;
  CallSet(const CallSet&) = delete;
  CallSet& operator=(const CallSet&) = delete;

  bool has(unsigned bit) const { return words_[bit / 64].load(std::memory_order_relaxed) >> (bit % 64) & 1; }
  bool empty() const {
    for (const auto& word : words_)
      if (word.load(std::memory_order_relaxed)) return false;
    return true;
  }
  Words load() const {
    Words all;
    for (unsigned i = 0; i < words; ++i) all[i] = words_[i].load(std::memory_order_relaxed);
    return all;
  }
  void store(const Words& all) {
    for (unsigned i = 0; i < words; ++i) words_[i].store(all[i], std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, words> words_{};
};

constexpr CallSet::Words united(CallSet::Words a, const CallSet::Words& b) {
  for (unsigned i = 0; i < a.size(); ++i) a[i] |= b[i];
  return a;
}
constexpr CallSet::Words without(CallSet::Words a, const CallSet::Words& b) {
  for (unsigned i = 0; i < a.size(); ++i) a[i] &= ~b[i];
  return a;
}

constexpr bool contains(const CallSet::Words& words, unsigned bit) { return words[bit / 64] >> (bit % 64) & 1; }

}  // namespace cv6
