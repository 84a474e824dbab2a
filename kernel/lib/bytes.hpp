// Comparing short runs of bytes in place: names, mostly of fewer than 16 bytes, for which a call costs more than the work.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cv6 {

// What is at `bytes`, aligned or not.
template <class Word>
Word load_word(const char* bytes) {
  Word word;
  __builtin_memcpy(&word, bytes, sizeof word);
  return word;
}

inline bool same_bytes(const char* a, const char* b, std::size_t size) {
  for (; size >= 8; size -= 8, a += 8, b += 8)
    if (load_word<std::uint64_t>(a) != load_word<std::uint64_t>(b)) return false;
  // What is left: its first and its last word, which may overlap.
  const auto same_ends = [&]<class Word>(Word) {
    const std::size_t last = size - sizeof(Word);
    return load_word<Word>(a) == load_word<Word>(b) && load_word<Word>(a + last) == load_word<Word>(b + last);
  };
  if (size >= 4) return same_ends(std::uint32_t{});
  if (size >= 2) return same_ends(std::uint16_t{});
  return size == 0 || *a == *b;
}

}  // namespace cv6
