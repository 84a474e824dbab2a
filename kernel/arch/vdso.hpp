// The shared object that Linux programs read clocks with (kernel/vdso/), which the kernel carries in itself.
#pragma once

#include <cstddef>
#include <span>

namespace cv6::arch {

// At most a page. Empty: there is none for this architecture.
std::span<const std::byte> vdso_image();

}  // namespace cv6::arch
