// What the driver asks of an operating system that it measures, whichever it is.
//
// Both systems run in the same QEMU with the same processors and memory, and both get the same programs at the same paths:
// /bench/measure, /bench/small, /bench/first.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "process.hpp"

namespace cv6::bench {

/// Of every guest, unless the amount is what is being measured.
inline constexpr unsigned guest_megabytes = 256;

/// What takes longer than this has got stuck.
inline constexpr std::chrono::seconds run_limit{300};
inline constexpr std::chrono::seconds boot_limit{60};

/// The programs for the guests, on the host.
struct Programs {
  static constexpr std::array<std::string_view, 4> names{"measure", "small", "first", "xv6-call"};

  std::filesystem::path folder;

  [[nodiscard]] std::filesystem::path path(std::string_view name) const { return folder / name; }
};

/// What passes as time in a guest: a nanosecond for each instruction (-icount), or that of this computer.
enum class Time { instructions, real };

/// How a system is booted to run a program.
struct Setup {
  Time time = Time::instructions;
  unsigned processors = 1;
  unsigned megabytes = guest_megabytes;
  std::string plugin = {};  ///< of QEMU, with its arguments; empty: none. With one, the processors run in turns
};

class System {
 public:
  virtual ~System() = default;

  /// Boots, runs `command` (a program of the guest and its arguments) and gives the lines of its standard output to
  /// `reader`. Fails if the system does not get as far as running it, or dies of it.
  virtual Outcome<> run_program(const Setup& setup, const std::vector<std::string>& command, const LineReader& reader) = 0;

  /// Boots with the guest's `program` as init, and gives the console's lines to `reader` until it has had enough.
  virtual Outcome<> run_init(const std::string& program, const LineReader& reader) = 0;

  /// Whether, with so much memory, it boots and `echo ok` prints "ok" in a shell.
  virtual Outcome<bool> shell_works(unsigned megabytes) = 0;
};

}  // namespace cv6::bench
