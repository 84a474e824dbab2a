// What task/ needs to know of the Linux ABI: AbiOperations.
#pragma once

#include "task/abi_operations.hpp"

namespace cv6::linux_abi {

class LinuxOperations final : public AbiOperations {
 public:
  std::string_view name() const override { return "linux"; }
  Result<std::size_t> stack_needed(const ArgumentStrings& arguments, std::string_view path) const override;
  Result<std::uintptr_t> build_stack(UserThread& thread, const InitialStack& stack) const override;
  void start_program(UserThread& thread, arch::UserRegisters& registers, std::uintptr_t entry,
                     std::uintptr_t stack_pointer) const override;
  Result<void> push_signal_frame(UserThread& thread, arch::UserRegisters& registers, const SignalInfo& info,
                                 const SignalAction& action, std::uintptr_t stack_limit,
                                 SignalSet saved_mask) const override;
  void fail_interrupted_call(arch::UserRegisters& registers) const override;
  std::uint64_t restart_call_number() const override;
};

}  // namespace cv6::linux_abi

namespace cv6 {

// At boot: from now on programs of this ABI can be executed.
Result<void> initialise_linux_abi();

}  // namespace cv6
