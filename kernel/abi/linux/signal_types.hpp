// Between the kernel's signals and the structures of programs.
#pragma once

#include "abi/linux/types_signals.hpp"

namespace cv6::linux_abi {

constexpr AlternateStack stack_from(const StackT& stack) {
  return {.base = stack.ss_sp, .size = stack.ss_size, .flags = stack.ss_flags};
}
constexpr StackT stack_of(const AlternateStack& stack) {
  return {.ss_sp = stack.base, .ss_flags = stack.flags, .padding = 0, .ss_size = stack.size};
}

Siginfo siginfo_of(const SignalInfo& info);
// What rt_sigqueueinfo(2) is given: a code of the sender's choice, process, user and value.
SignalInfo queued_info_from(int number, const Siginfo& info);

}  // namespace cv6::linux_abi
