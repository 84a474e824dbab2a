#include "arch/vdso.hpp"

extern "C" const std::byte cv6_vdso_image[], cv6_vdso_image_end[];

namespace cv6::arch {

std::span<const std::byte> vdso_image() { return {cv6_vdso_image, cv6_vdso_image_end}; }

}  // namespace cv6::arch
