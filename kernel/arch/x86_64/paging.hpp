// The kernel's half of every address space, made once at boot:
//
//   direct_map_base()    all memory, writable but for the kernel's code and constants, never executable
//   0xffffffff80000000   the kernel: code, constants, data, each with its own rights
//   0xffffffffc0000000   registers of devices, uncached
#pragma once

namespace cv6::arch {

void build_kernel_page_table();
void load_kernel_page_table();  // on each processor, at its start

// Panics if any page of the kernel's half is writable and executable, or code's memory is writable anywhere. For debug
// builds.
void verify_kernel_page_table();

}  // namespace cv6::arch
