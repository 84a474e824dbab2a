#include "container/descriptor_numbers.hpp"

namespace cv6 {

std::uint32_t DescriptorNumbers::number() {
  auto used = used_.lock();
  auto& words = used->words;
  std::size_t& at = used->first_free_word;
  while (at < words.size() && words[at] == ~std::uint64_t{0}) ++at;
  if (at == words.size())
    if (!words.push_back(0)) return none;
  const auto bit = static_cast<unsigned>(__builtin_ctzll(~words[at]));
  words[at] |= std::uint64_t{1} << bit;
  return static_cast<std::uint32_t>(at * 64 + bit);
}

void DescriptorNumbers::forget(std::uint32_t number) {
  if (number == none) return;
  auto used = used_.lock();
  used->words[number / 64] &= ~(std::uint64_t{1} << number % 64);
  if (number / 64 < used->first_free_word) used->first_free_word = number / 64;
}

}  // namespace cv6
