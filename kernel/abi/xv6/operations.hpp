// What task/ needs to know of the xv6 ABI: AbiOperations.
#pragma once

#include "abi/xv6/types.hpp"
#include "task/abi_operations.hpp"
#include "task/process.hpp"

namespace cv6::xv6_abi {

// Made by the kernel only, to go on with a call that was interrupted: no call has this number.
inline constexpr std::uint32_t restart_call_number = 62;

class Xv6Operations final : public AbiOperations {
 public:
  std::string_view name() const override { return "xv6"; }
  std::uint64_t most_open_files() const override { return xv6_abi::most_open_files; }
  Result<std::size_t> stack_needed(const ArgumentStrings& arguments, std::string_view path) const override;
  Result<std::uintptr_t> build_stack(UserThread& thread, const InitialStack& stack) const override;
  void start_program(UserThread& thread, arch::UserRegisters& registers, std::uintptr_t entry,
                     std::uintptr_t stack_pointer) const override;
  Result<void> push_signal_frame(UserThread& thread, arch::UserRegisters& registers, const SignalInfo& info,
                                 const SignalAction& action, std::uintptr_t stack_limit,
                                 SignalSet saved_mask) const override;
  void enter_message_handler(UserThread& thread, arch::UserRegisters& registers, std::uintptr_t handler,
                             std::span<const std::byte> bytes) const override;
  void on_program_fault(UserThread& thread, const arch::UserRegisters& registers, const SignalInfo& info,
                        const arch::Fault& fault) const override;
  void fail_interrupted_call(arch::UserRegisters& registers) const override { registers.set_result(-1); }
  std::uint64_t restart_call_number() const override { return xv6_abi::restart_call_number; }
};

extern const Xv6Operations operations;
inline bool is_of_xv6(const Process& process) { return &process.abi() == &operations; }

}  // namespace cv6::xv6_abi

namespace cv6 {

// At boot: from now on programs of this ABI can be executed.
Result<void> initialise_xv6_abi();

}  // namespace cv6
