#include "boot/symbols.hpp"

namespace cv6 {

namespace {

// In order of addresses.
struct Entry {
  std::uint32_t address;  // its lower half: all are in the last 2 GiB
  std::uint32_t name;     // where in symbol_names
};
extern "C" const Entry symbols_start[], symbols_end[];
extern "C" const char symbol_names[];

constexpr std::uintptr_t upper_half = 0xffff'ffff'0000'0000;

}  // namespace

Symbol find_symbol(std::uintptr_t address) {
  const Entry* best = nullptr;
  for (const Entry* entry = symbols_start; entry != symbols_end && (upper_half | entry->address) <= address; ++entry)
    best = entry;
  if (!best) return {};
  return {symbol_names + best->name, address - (upper_half | best->address)};
}

}  // namespace cv6
