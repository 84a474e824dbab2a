// Names of functions, for panics: a table that the link puts into the kernel (CMakeLists.txt, symbols.awk).
#pragma once

#include <cstdint>
#include <string_view>

namespace cv6 {

struct Symbol {
  std::string_view name;  // empty: unknown
  std::uintptr_t offset;  // of the address in the function
};
Symbol find_symbol(std::uintptr_t address);

}  // namespace cv6
