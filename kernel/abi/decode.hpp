// From registers to a handler's arguments. A handler is `Result<long> sys_x(Context&, A, B, ...)`; its signature says how
// each register is decoded and, for messages, how it is shown. Adding an argument type is adding one Decoder.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "abi/user_pointer.hpp"
#include "lib/result.hpp"

namespace cv6 {
struct Context;
}

namespace cv6::abi {

// The six argument registers, in order, as the ABI passes them.
using RawArguments = std::array<std::uint64_t, 6>;

// How an argument is shown. Of calls that have no handler nothing is known.
enum class ArgumentKind : std::uint8_t { none, unknown, integer, number, unsigned_number, descriptor, flags, mode, signal, path, pointer };

struct Descriptor {
  int number;
};
struct Flags {
  unsigned bits;
  constexpr bool has(unsigned bit) const { return (bits & bit) != 0; }
  constexpr bool only(unsigned allowed) const { return (bits & ~allowed) == 0; }
};
struct FileMode {
  unsigned bits;
};
struct SignalNumber {
  int number;
};

template <class T>
struct Decoder;

// Linux takes the low 32 bits of what is an int to the program, whatever is above them.
template <>
struct Decoder<int> {
  static constexpr ArgumentKind kind = ArgumentKind::integer;
  static constexpr int decode(std::uint64_t raw) { return static_cast<int>(raw); }
};
template <>
struct Decoder<unsigned> {
  static constexpr ArgumentKind kind = ArgumentKind::unsigned_number;
  static constexpr unsigned decode(std::uint64_t raw) { return static_cast<unsigned>(raw); }
};
template <>
struct Decoder<long> {
  static constexpr ArgumentKind kind = ArgumentKind::number;
  static constexpr long decode(std::uint64_t raw) { return static_cast<long>(raw); }
};
template <>
struct Decoder<unsigned long> {
  static constexpr ArgumentKind kind = ArgumentKind::unsigned_number;
  static constexpr unsigned long decode(std::uint64_t raw) { return raw; }
};
template <>
struct Decoder<Descriptor> {
  static constexpr ArgumentKind kind = ArgumentKind::descriptor;
  static constexpr Descriptor decode(std::uint64_t raw) { return {static_cast<int>(raw)}; }
};
template <>
struct Decoder<Flags> {
  static constexpr ArgumentKind kind = ArgumentKind::flags;
  static constexpr Flags decode(std::uint64_t raw) { return {static_cast<unsigned>(raw)}; }
};
template <>
struct Decoder<FileMode> {
  static constexpr ArgumentKind kind = ArgumentKind::mode;
  static constexpr FileMode decode(std::uint64_t raw) { return {static_cast<unsigned>(raw)}; }
};
template <>
struct Decoder<SignalNumber> {
  static constexpr ArgumentKind kind = ArgumentKind::signal;
  static constexpr SignalNumber decode(std::uint64_t raw) { return {static_cast<int>(raw)}; }
};
template <>
struct Decoder<UserString> {
  static constexpr ArgumentKind kind = ArgumentKind::path;
  static constexpr UserString decode(std::uint64_t raw) { return UserString(raw); }
};
template <class T>
struct Decoder<UserPtr<T>> {
  static constexpr ArgumentKind kind = ArgumentKind::pointer;
  static constexpr UserPtr<T> decode(std::uint64_t raw) { return UserPtr<T>(raw); }
};

template <class Signature>
struct HandlerTraits;

template <class... Arguments>
struct HandlerTraits<Result<long> (*)(Context&, Arguments...)> {
  static_assert(sizeof...(Arguments) <= 6, "a system call has six argument registers");
  static constexpr std::array<ArgumentKind, 6> kinds = {Decoder<Arguments>::kind...};

  // `argument(i)` is the register that holds argument i.
  template <auto handler, class ReadRegister>
  static Result<long> call(Context& context, ReadRegister argument) {
    return [&]<std::size_t... index>(std::index_sequence<index...>) {
      return handler(context, Decoder<Arguments>::decode(argument(index))...);
    }(std::index_sequence_for<Arguments...>{});
  }
};

}  // namespace cv6::abi
