// What this kind of processor can do, and its control registers.
#pragma once

#include <cstdint>

namespace cv6::arch {

struct Features {
  bool smep = false;
  bool smap = false;
  bool umip = false;
  bool fsgsbase = false;
  bool xsave = false;
  bool huge_pages = false;  // 1 GiB
  bool random = false;      // RDRAND
  bool hypervisor = false;
};
extern Features features;

// Once, on the first processor: fills `features` and puts STAC and CLAC where they belong, while code can be written.
void detect_features();
// On each processor: control registers, the system call entry, XCR0.
void enable_features();

}  // namespace cv6::arch
