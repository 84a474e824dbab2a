// What differs between PCs, and is found by asking the firmware or QEMU.
#pragma once

namespace cv6::arch {

// How many processors the machine has: from the ACPI tables, else from QEMU's fw_cfg, else 1.
unsigned count_processors();

}  // namespace cv6::arch
