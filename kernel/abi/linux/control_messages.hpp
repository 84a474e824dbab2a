// Control data of messages between the program's layout (cmsg(3)) and the kernel's: SCM_RIGHTS and SCM_CREDENTIALS, unix(7).
#pragma once

#include "abi/linux/sockets.hpp"

namespace cv6::linux_abi {

// What a program sends with a message. Error::inval: not laid out right, or unknown; Error::nobufs: too much; Error::badf;
// Error::perm: credentials that are not the sender's; Error::srch; Error::fault.
Result<void> read_control(const Context& context, std::uint64_t address, std::uint64_t size, SendRequest& request);

// What came with a message, as far as there is room at the program's. Files become descriptors of the process.
struct ControlWritten {
  std::uint64_t size;  // in bytes
  bool cut;            // MSG_CTRUNC
};
Result<ControlWritten> write_control(const Context& context, const UnixSocket& socket, Reception& reception, std::uint64_t address,
                                     std::uint64_t size, CloseOnExec close_on_exec);

}  // namespace cv6::linux_abi
