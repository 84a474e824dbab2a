// Access to user memory through the simulated tables; faults go to the upcall, as they do on a processor.
#include "arch/user_memory.hpp"

#include <atomic>
#include <cstring>

#include "arch/host/translation.hpp"
#include "arch/upcalls.hpp"

namespace cv6::arch {

namespace {

using Access = Fault::Access;

// Where the byte is for this access; nullptr for a bad address.
char* reach(std::uintptr_t address, Access access) {
  if (!is_user_range(address, 1)) return nullptr;
  while (true) {
    const PageEntry entry = simulation::translate(address, access == Access::write);
    if (entry.present()) return static_cast<char*>(direct(entry.address())) + address % 4096;
    if (!on_kernel_user_access(address, access)) return nullptr;
  }
}

// Calls body(place in the arena, offset, size) for each piece within a page; returns what was not reached.
template <class Body>
std::size_t for_each_piece(std::uintptr_t address, std::size_t size, Access access, Body body) {
  if (!is_user_range(address, size)) return size;
  for (std::size_t done = 0; done < size;) {
    const std::size_t rest = 4096 - (address + done) % 4096;
    const std::size_t piece = rest < size - done ? rest : size - done;
    char* place = reach(address + done, access);
    if (!place) return size - done;
    body(place, done, piece);
    done += piece;
  }
  return 0;
}

}  // namespace

std::size_t copy_from_user(void* to, std::uintptr_t from, std::size_t size) {
  return for_each_piece(from, size, Access::read, [&](const char* place, std::size_t offset, std::size_t piece) {
    std::memcpy(static_cast<char*>(to) + offset, place, piece);
  });
}

std::size_t copy_to_user(std::uintptr_t to, const void* from, std::size_t size) {
  return for_each_piece(to, size, Access::write, [&](char* place, std::size_t offset, std::size_t piece) {
    std::memcpy(place, static_cast<const char*>(from) + offset, piece);
  });
}

bool copy_words_from_user(void* to, std::uintptr_t from, std::size_t words) {
  return copy_from_user(to, from, words * 8) == 0;
}

bool copy_words_to_user(std::uintptr_t to, const void* from, std::size_t words) {
  return copy_to_user(to, from, words * 8) == 0;
}

bool copy_shorts_to_user(std::uintptr_t to, const void* from, std::size_t count, std::size_t step) {
  for (std::size_t at = 0; at < count * step; at += step)
    if (copy_to_user(to + at, static_cast<const char*>(from) + at, 2) != 0) return false;
  return true;
}

std::size_t clear_user(std::uintptr_t to, std::size_t size) {
  return for_each_piece(to, size, Access::write,
                        [](char* place, std::size_t, std::size_t piece) { std::memset(place, 0, piece); });
}

std::ptrdiff_t copy_string_from_user(char* to, std::uintptr_t from, std::size_t capacity) {
  for (std::size_t i = 0; i < capacity; ++i) {
    const char* place = reach(from + i, Access::read);
    if (!place) return -1;
    to[i] = *place;
    if (to[i] == '\0') return static_cast<std::ptrdiff_t>(i);
  }
  return static_cast<std::ptrdiff_t>(capacity);
}

bool load_user_word(std::uintptr_t at, std::uint32_t& value) {
  return at % 4 == 0 && copy_from_user(&value, at, sizeof value) == 0;
}

bool compare_exchange_user_word(std::uintptr_t at, std::uint32_t& expected, std::uint32_t desired) {
  char* place = at % 4 == 0 ? reach(at, Access::write) : nullptr;
  if (!place) return false;
  std::atomic_ref(*reinterpret_cast<std::uint32_t*>(place)).compare_exchange_strong(expected, desired);
  return true;
}

}  // namespace cv6::arch
