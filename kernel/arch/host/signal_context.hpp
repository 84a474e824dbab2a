// The registers in a signal frame, as host tests need them: those that there are, in a structure of the real size.
#pragma once

#include "arch/host/registers.hpp"
#include "arch/upcalls.hpp"

namespace cv6::arch {

struct SignalContext {
  UserRegisters registers;
  std::uint64_t blocked = 0;
  std::uint64_t fpu_image = 0;
  std::uint64_t reserved[19] = {};

  static SignalContext of(const UserRegisters& registers, const Fault&, std::uint64_t blocked,
                          std::uint64_t fpu_image) {
    return {registers, blocked, fpu_image};
  }
  void restore(UserRegisters& to) const {
    to = registers;
    to.leave_system_call();
  }
};
static_assert(sizeof(SignalContext) == 256);

}  // namespace cv6::arch
