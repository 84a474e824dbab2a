// Access to the memory of the current user address space. An address that is not the user's, or that cannot be made
// present, makes the call fail; nothing is ever read or written outside the user's half. May block (a page may have to
// be fetched): never call these with a spin lock held.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cv6::arch {

inline constexpr std::uintptr_t user_start = 0x1000;
inline constexpr std::uintptr_t user_end = 0x7ffffffff000;  // first address that is not the user's

// Bounds by subtraction, so that nothing overflows.
constexpr bool is_user_range(std::uintptr_t at, std::size_t size) { return size <= user_end && at <= user_end - size; }

// Returns how many bytes at the end were NOT copied: 0 is success.
[[nodiscard]] std::size_t copy_from_user(void* to, std::uintptr_t from, std::size_t size);
[[nodiscard]] std::size_t copy_to_user(std::uintptr_t to, const void* from, std::size_t size);
// Whole words, as most structures are. False: not all of them.
[[nodiscard]] bool copy_words_from_user(void* to, std::uintptr_t from, std::size_t words);
[[nodiscard]] bool copy_words_to_user(std::uintptr_t to, const void* from, std::size_t words);
// `count` 16-bit members (not 0) of structures of `step` bytes, `to` and `from` being the first ones. False: not all of
// them.
[[nodiscard]] bool copy_shorts_to_user(std::uintptr_t to, const void* from, std::size_t count, std::size_t step);
[[nodiscard]] std::size_t clear_user(std::uintptr_t to, std::size_t size);
// Copies up to and including the NUL, at most `capacity` bytes. Returns the length without the NUL; `capacity` if there
// was none; -1 for a bad address.
[[nodiscard]] std::ptrdiff_t copy_string_from_user(char* to, std::uintptr_t from, std::size_t capacity);

// For futexes: a 32-bit word, aligned. False for a bad address.
[[nodiscard]] bool load_user_word(std::uintptr_t at, std::uint32_t& value);
// Atomically: if *at == expected, *at = desired. `expected` becomes the value found.
[[nodiscard]] bool compare_exchange_user_word(std::uintptr_t at, std::uint32_t& expected, std::uint32_t desired);

}  // namespace cv6::arch
