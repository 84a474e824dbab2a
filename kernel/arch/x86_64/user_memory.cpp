#include "arch/user_memory.hpp"

extern "C" {  // user_copy.S
std::size_t cv6_copy_user(void* to, const void* from, std::size_t size);
std::size_t cv6_copy_user_words(void* to, const void* from, std::size_t words);
std::size_t cv6_clear_user(void* to, std::size_t size);
std::ptrdiff_t cv6_copy_user_string(char* to, const char* from, std::size_t limit);
bool cv6_load_user_word(const std::uint32_t* at, std::uint32_t* value);
bool cv6_compare_exchange_user_word(std::uint32_t* at, std::uint32_t* expected, std::uint32_t desired);
std::size_t cv6_get_user_1(void* to, const void* from);
std::size_t cv6_get_user_2(void* to, const void* from);
std::size_t cv6_get_user_4(void* to, const void* from);
std::size_t cv6_get_user_8(void* to, const void* from);
std::size_t cv6_put_user_1(void* to, const void* from);
std::size_t cv6_put_user_2(void* to, const void* from);
std::size_t cv6_put_user_4(void* to, const void* from);
std::size_t cv6_put_user_8(void* to, const void* from);
std::size_t cv6_put_user_shorts(void* to, const void* from, std::size_t end, std::size_t step);
}

namespace cv6::arch {

std::size_t copy_from_user(void* to, std::uintptr_t from, std::size_t size) {
  if (!is_user_range(from, size)) return size;
  const void* source = reinterpret_cast<const void*>(from);
  switch (size) {
    case 1: return cv6_get_user_1(to, source);
    case 2: return cv6_get_user_2(to, source);
    case 4: return cv6_get_user_4(to, source);
    case 8: return cv6_get_user_8(to, source);
    default: return cv6_copy_user(to, source, size);
  }
}

std::size_t copy_to_user(std::uintptr_t to, const void* from, std::size_t size) {
  if (!is_user_range(to, size)) return size;
  void* target = reinterpret_cast<void*>(to);
  switch (size) {
    case 1: return cv6_put_user_1(target, from);
    case 2: return cv6_put_user_2(target, from);
    case 4: return cv6_put_user_4(target, from);
    case 8: return cv6_put_user_8(target, from);
    default: return cv6_copy_user(target, from, size);
  }
}

bool copy_words_from_user(void* to, std::uintptr_t from, std::size_t words) {
  return is_user_range(from, words * 8) && cv6_copy_user_words(to, reinterpret_cast<const void*>(from), words) == 0;
}

bool copy_words_to_user(std::uintptr_t to, const void* from, std::size_t words) {
  return is_user_range(to, words * 8) && cv6_copy_user_words(reinterpret_cast<void*>(to), from, words) == 0;
}

bool copy_shorts_to_user(std::uintptr_t to, const void* from, std::size_t count, std::size_t step) {
  const std::size_t end = count * step, written = end - step + sizeof(short);
  return is_user_range(to, written) && cv6_put_user_shorts(reinterpret_cast<void*>(to), from, end, step) == 0;
}

std::size_t clear_user(std::uintptr_t to, std::size_t size) {
  if (!is_user_range(to, size)) return size;
  return cv6_clear_user(reinterpret_cast<void*>(to), size);
}

std::ptrdiff_t copy_string_from_user(char* to, std::uintptr_t from, std::size_t capacity) {
  if (from >= user_end) return -1;
  const std::size_t reachable = user_end - from;
  const std::size_t limit = capacity <= reachable ? capacity : reachable;
  const std::ptrdiff_t length = cv6_copy_user_string(to, reinterpret_cast<const char*>(from), limit);
  if (length == static_cast<std::ptrdiff_t>(limit) && limit < capacity) return -1;
  return length;
}

bool load_user_word(std::uintptr_t at, std::uint32_t& value) {
  if (!is_user_range(at, sizeof value)) return false;
  return cv6_load_user_word(reinterpret_cast<const std::uint32_t*>(at), &value);
}

bool compare_exchange_user_word(std::uintptr_t at, std::uint32_t& expected, std::uint32_t desired) {
  if (!is_user_range(at, sizeof expected)) return false;
  return cv6_compare_exchange_user_word(reinterpret_cast<std::uint32_t*>(at), &expected, desired);
}

}  // namespace cv6::arch
