// The kernel's own memory: symbols of the linker script (kernel.ld), and addresses in it.
#pragma once

#include <cstdint>

#include "arch/x86_64/offsets.h"

extern "C" const char kernel_start[], kernel_text_end[], kernel_constants_end[], kernel_end[];

namespace cv6::arch {

inline std::uint64_t image_physical(const void* in_image) {
  return reinterpret_cast<std::uint64_t>(in_image) - KERNEL_OFFSET;
}

}  // namespace cv6::arch
