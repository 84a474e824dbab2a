#include "task/abi_operations.hpp"

namespace cv6 {

namespace {
constinit const AbiOperations* operations_of[2] = {};
}

void AbiOperations::enter_message_handler(UserThread&, arch::UserRegisters&, std::uintptr_t,
                                          std::span<const std::byte>) const {}

const AbiOperations* abi_operations(ProgramKind kind) { return operations_of[static_cast<unsigned>(kind)]; }
void register_abi(ProgramKind kind, const AbiOperations& operations) {
  operations_of[static_cast<unsigned>(kind)] = &operations;
}

}  // namespace cv6
