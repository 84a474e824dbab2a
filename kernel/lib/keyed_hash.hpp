// A hash of bytes for tables whose keys strangers choose: who does not know the key cannot foresee which texts meet in
// a bucket, and so cannot make a chain that everybody else has to go through with a lock held.
//
// Each byte is mixed into the state by a multiplication of 64 by 64 bits with a secret factor, whose halves are folded
// into one: the step of wyhash (Wang Yi), which takes eight bytes at a time. Three instructions a byte, and none for ends
// that are no whole word: names are short, and where they end is looked for byte by byte anyway.
#pragma once

#include <cstdint>
#include <string_view>

namespace cv6 {

class KeyedHash {
 public:
  struct Key {
    std::uint64_t start;
    std::uint64_t factor;  // odd
  };

  constexpr explicit KeyedHash(const Key& key) : state_(key.start), factor_(key.factor) {}
  static constexpr std::uint32_t of(std::string_view text, const Key& key) {
    KeyedHash hash(key);
    for (const char byte : text) hash.add(byte);
    return hash.value();
  }

  constexpr void add(char byte) {
    const auto product = static_cast<unsigned __int128>(state_ ^ static_cast<unsigned char>(byte)) * factor_;
    state_ = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  constexpr std::uint32_t value() const { return static_cast<std::uint32_t>(state_); }

 private:
  std::uint64_t state_;
  std::uint64_t factor_;
};

}  // namespace cv6
