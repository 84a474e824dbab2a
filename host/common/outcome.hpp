// Errors of the host's tools. A function that can fail returns Outcome<T>; its error is the one line that the user
// will read, already in the form `what: why`, so it can be passed up unchanged to main(), which prints it.
#pragma once

#include <cerrno>
#include <cstring>
#include <expected>
#include <format>
#include <string>
#include <utility>

namespace cv6::host {

struct [[nodiscard]] Failure {
  std::string text;
};

template <typename T = void>
using Outcome = std::expected<T, Failure>;

template <typename... Args>
std::unexpected<Failure> failure(std::format_string<Args...> form, Args&&... args) {
  return std::unexpected(Failure{std::format(form, std::forward<Args>(args)...)});
}

// The failure of a system call on `what`, from errno.
inline std::unexpected<Failure> system_failure(const std::string& what) {
  return std::unexpected(Failure{what + ": " + std::strerror(errno)});
}

}  // namespace cv6::host

// Yields the value of an Outcome, or returns its failure from the enclosing function.
#define CV6_TRY(expression)                                             \
  ({                                                                    \
    auto outcome_ = (expression);                                       \
    if (!outcome_) return std::unexpected(std::move(outcome_.error())); \
    std::move(*outcome_);                                               \
  })
#define CV6_CHECK(expression)                                           \
  do {                                                                  \
    auto outcome_ = (expression);                                       \
    if (!outcome_) return std::unexpected(std::move(outcome_.error())); \
  } while (false)
