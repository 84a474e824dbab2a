// User registers as host tests need them: a place to keep them, since no user code runs.
#pragma once

#include <cstdint>

namespace cv6::arch {

struct UserRegisters {
  std::uint64_t arguments[6] = {};
  std::uint64_t number = ~std::uint64_t{0};
  std::int64_t value = 0;
  std::uintptr_t instruction = 0;
  std::uintptr_t stack = 0;
  std::uint64_t flag_bits = 0;

  static constexpr UserRegisters initial(std::uintptr_t instruction, std::uintptr_t stack) {
    UserRegisters registers;
    registers.instruction = instruction;
    registers.stack = stack;
    return registers;
  }

  static constexpr UserRegisters initial_32(std::uintptr_t instruction, std::uintptr_t stack) {
    return initial(instruction, stack);
  }

  constexpr bool in_system_call() const { return static_cast<std::int64_t>(number) >= 0; }
  constexpr void leave_system_call() { number = ~std::uint64_t{0}; }
  constexpr std::uint64_t call_number() const { return number; }
  constexpr std::uint64_t argument(unsigned n) const { return arguments[n < 5 ? n : 5]; }
  static constexpr unsigned stack_arguments = 4;
  constexpr std::uint64_t stack_argument(unsigned n) const { return arguments[n]; }
  constexpr void set_stack_argument(unsigned n, std::uint64_t word) { arguments[n] = word; }
  constexpr std::uint32_t begin_trap_call() { return static_cast<std::uint32_t>(number = static_cast<std::uint32_t>(value)); }
  constexpr std::int64_t result() const { return value; }
  constexpr void set_result(std::int64_t result) { value = result; }
  constexpr void restart_call(std::uint64_t call) {
    value = static_cast<std::int64_t>(call);
    instruction -= 2;
  }
  constexpr void restart_call() { restart_call(number); }
  constexpr std::uintptr_t instruction_pointer() const { return instruction; }
  constexpr void set_instruction_pointer(std::uintptr_t address) { instruction = address; }
  constexpr std::uintptr_t stack_pointer() const { return stack; }
  constexpr void set_stack_pointer(std::uintptr_t address) { stack = address; }
  constexpr std::uint64_t flags() const { return flag_bits; }
  constexpr void set_flags(std::uint64_t flags) { flag_bits = flags; }
  constexpr void call_function(std::uintptr_t function, std::uintptr_t on_stack, std::uint64_t first,
                               std::uint64_t second, std::uint64_t third) {
    instruction = function;
    stack = on_stack;
    arguments[0] = first;
    arguments[1] = second;
    arguments[2] = third;
  }
};

// What a log keeps of a system call.
struct CallRegisters {
  std::uint64_t arguments[6];
  std::uint64_t number;
  std::int64_t value;

  constexpr std::uint64_t argument(unsigned n) const { return arguments[n]; }
  constexpr void set_argument(unsigned n, std::uint64_t word) { arguments[n] = word; }
  constexpr std::int64_t result() const { return value; }
  constexpr void set_result(std::int64_t result) { value = result; }
  constexpr std::uint64_t call_number() const { return number; }
  static void copy(CallRegisters& to, const UserRegisters& from) {
    for (unsigned i = 0; i < 6; ++i) to.arguments[i] = from.arguments[i];
    to.number = from.number;
    to.value = from.value;
  }
};

}  // namespace cv6::arch
