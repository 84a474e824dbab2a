// Floating-point and vector state: the parts of arch/context.hpp that boot needs.
#pragma once

namespace cv6::arch {

void detect_fpu();  // once
void enable_fpu();  // on each processor, after CR4

}  // namespace cv6::arch
