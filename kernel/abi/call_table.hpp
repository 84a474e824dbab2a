// The rows of an ABI's call table: number, name, what is done, and what kinds of arguments there are.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "abi/context.hpp"
#include "abi/decode.hpp"

namespace cv6::abi {

// Decodes the arguments and calls the handler.
using Invoke = Result<long> (*)(Context&);

template <auto handler>
Result<long> invoke(Context& context) {
  return HandlerTraits<decltype(handler)>::template call<handler>(
      context, [&](std::size_t index) { return context.registers.argument(static_cast<unsigned>(index)); });
}

template <Error error>
Result<long> refuse(Context&) {
  return error;
}

inline constexpr std::array<ArgumentKind, 6> unknown_arguments = {
    ArgumentKind::unknown, ArgumentKind::unknown, ArgumentKind::unknown,
    ArgumentKind::unknown, ArgumentKind::unknown, ArgumentKind::unknown};

struct CallRow {
  std::uint16_t number;
  std::string_view name;
  Invoke invoke;
  std::array<ArgumentKind, 6> arguments = unknown_arguments;

  template <auto handler>
  static constexpr CallRow handled(std::uint16_t number, std::string_view name) {
    return {number, name, abi::invoke<handler>, HandlerTraits<decltype(handler)>::kinds};
  }
};

// What the gate must know of a call beyond its number.
namespace call_trait {
inline constexpr std::uint8_t changes_caller = 1;  // its registers or container are others afterwards
inline constexpr std::uint8_t ends_caller = 2;     // it does not come back, or not into this container
inline constexpr std::uint8_t continues = 4;       // the kernel makes it, to go on with a call that had begun
}  // namespace call_trait

constexpr bool in_order(std::span<const CallRow> rows) {
  return std::ranges::adjacent_find(rows, std::ranges::greater_equal(), &CallRow::number) == rows.end();
}

// Null: no row has that number.
constexpr const CallRow* find_row(std::span<const CallRow> rows, std::uint64_t number) {
  const auto found = std::ranges::lower_bound(rows, number, {}, &CallRow::number);
  return found != rows.end() && found->number == number ? &*found : nullptr;
}

}  // namespace cv6::abi
