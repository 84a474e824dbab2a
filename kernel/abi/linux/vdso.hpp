// The clocks in user space: a page of code and a page of data that every Linux program has mapped, and is told of in its
// auxiliary vector (vdso(7), AT_SYSINFO_EHDR). A program that reads a clock through them does not enter the kernel, so
// neither a container's policy nor its log sees that; clock_gettime(2) made as a system call is one like any other.
#pragma once

#include "vm/address_space.hpp"

namespace cv6::linux_abi {

// Once, when the clock is calibrated. Error::nomem.
Result<void> initialise_vdso();

// Where the code's ELF header is in the program's memory from now on; 0: there is no such code. Error::nomem.
Result<std::uintptr_t> map_vdso(AddressSpace& space);

}  // namespace cv6::linux_abi
