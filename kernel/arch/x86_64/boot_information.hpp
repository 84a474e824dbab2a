// What the loader told the kernel: arch/machine.hpp is how others see it.
#pragma once

#include "arch/machine.hpp"

namespace cv6::arch {

// Copies what struct hvm_start_info at this physical address says; nothing of it is needed afterwards.
void read_start_info(PhysicalAddress start_info);
PhysicalAddress acpi_root_pointer();  // 0: the loader did not say

// Memory for page tables, before there is an allocator: from the usable memory behind the kernel, reserved for ever. Panics
// if there is none: nothing works without.
PhysicalAddress take_early_page();

}  // namespace cv6::arch
