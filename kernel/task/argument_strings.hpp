// The strings of an argument list and an environment, on their way from one address space to another: bytes with NULs
// between them, in pages.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "lib/ref.hpp"
#include "lib/result.hpp"
#include "lib/units.hpp"
#include "lib/vector.hpp"

namespace cv6 {

class ArgumentStrings {
 public:
  static constexpr std::size_t longest_string = 131072;  // execve(2): MAX_ARG_STRLEN, with its NUL
  // `limit`: of all bytes and pointers together: a quarter of RLIMIT_STACK, at least 131072, at most 6 MiB.
  explicit ArgumentStrings(std::size_t limit = 2_MiB) : limit_(limit) {}
  ArgumentStrings(ArgumentStrings&&) = default;
  ArgumentStrings& operator=(ArgumentStrings&&) = default;

  // A null-terminated array of string addresses (8 bytes each) in user memory; a null array is empty. Arguments first,
  // then the environment: no arguments are one empty one, as on Linux since 5.18, or the program would take the first string
  // of its environment for its name. Error::fault, Error::toobig, Error::nomem.
  Result<void> add_user_arguments(std::uintptr_t array);
  Result<void> add_user_argument(std::uintptr_t string);  // one of them
  Result<void> add_user_environment(std::uintptr_t array);
  Result<void> add_argument(std::string_view text);
  Result<void> add_environment(std::string_view text);
  // For programs that have none: afterwards there is no environment.
  void drop_environment();
  // Scripts: the first argument is replaced by these, in this order; empty ones are left out. Error::toobig, nomem.
  Result<void> replace_first(std::string_view interpreter, std::string_view option, std::string_view script);

  std::size_t argument_count() const { return argument_count_; }
  std::size_t environment_count() const { return environment_count_; }
  std::size_t size() const { return size_; }  // all strings with their NULs
  // Arguments' share of it.
  std::size_t arguments_size() const { return arguments_size_; }
  // Copies everything to user memory in a row, and each string's address into `addresses` (argument_count() +
  // environment_count() of them). Error::fault.
  Result<void> copy_to_user(std::uintptr_t start, std::span<std::uintptr_t> addresses) const;

 private:
  static constexpr std::size_t chunk_size = page_size;
  Result<void> add_user_array(std::uintptr_t array, std::size_t& count);
  Result<void> add_user_string(std::uintptr_t address);
  Result<void> add_text(std::string_view text);
  Result<std::span<char>> room();  // what is left of the last chunk, or a new one
  Result<void> charge(std::size_t bytes);

  std::size_t limit_;
  std::size_t argument_count_ = 0, environment_count_ = 0;
  std::size_t size_ = 0, arguments_size_ = 0;
  Vector<char> prefix_;                // whole strings that come first: replace_first()
  Vector<Own<char[]>> chunks_;         // one stream of strings; all but the last chunk are full
  std::size_t used_ = 0, skip_ = 0;    // bytes in the stream, and those at its start that count no more
};

}  // namespace cv6
