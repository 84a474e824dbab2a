#include "arch/x86_64/features.hpp"

#include <span>

#include "arch/x86_64/fpu.hpp"
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/offsets.h"
#include "arch/x86_64/registers.hpp"

extern "C" const char system_call_entry[], system_call_entry_32[];

namespace cv6::arch {

Features features;

namespace {

// Places of a three-byte no-operation that becomes STAC or CLAC (0f 01 cb, 0f 01 ca).
struct SmapSite {
  std::uint32_t at;  // less KERNEL_OFFSET
  std::uint32_t last_byte;
};
extern "C" const SmapSite smap_sites_start[], smap_sites_end[];

void patch_smap_sites() {
  for (const SmapSite* site = smap_sites_start; site != smap_sites_end; ++site) {
    auto* code = reinterpret_cast<std::uint8_t*>(KERNEL_OFFSET + site->at);
    code[1] = 0x01;
    code[2] = static_cast<std::uint8_t>(site->last_byte);
  }
}

constexpr bool bit(std::uint32_t word, unsigned n) { return word >> n & 1; }

}  // namespace

void detect_features() {
  const CpuidResult basic = cpuid(1);
  features.xsave = bit(basic.ecx, 26);
  features.random = bit(basic.ecx, 30);
  features.hypervisor = bit(basic.ecx, 31);
  if (cpuid(0).eax >= 7) {
    const CpuidResult extended = cpuid(7);
    features.fsgsbase = bit(extended.ebx, 0);
    features.smep = bit(extended.ebx, 7);
    features.smap = bit(extended.ebx, 20);
    features.umip = bit(extended.ecx, 2);
  }
  features.huge_pages = bit(cpuid(0x80000001).edx, 26);
  if (features.smap) patch_smap_sites();
  detect_fpu();
}

void enable_features() {
  // CR0: protection, monitor coprocessor, extension type, numeric errors, write protection, alignment mask, paging.
  write_cr0(0x8005'0033);
  std::uint64_t cr4 = 1 << 5 | 1 << 7 | 1 << 9 | 1 << 10;  // PAE, global pages, FXSAVE and SSE, SSE exceptions
  if (features.umip) cr4 |= 1 << 11;
  if (features.fsgsbase) cr4 |= 1 << 16;
  if (features.xsave) cr4 |= 1 << 18;
  if (features.smep) cr4 |= 1 << 20;
  if (features.smap) cr4 |= 1 << 21;
  write_cr4(cr4);

  write_msr(msr::star, std::uint64_t{user_code32_selector} << 48 | std::uint64_t{kernel_code_selector} << 32);
  write_msr(msr::long_star, reinterpret_cast<std::uint64_t>(system_call_entry));
  write_msr(msr::compatible_star, reinterpret_cast<std::uint64_t>(system_call_entry_32));
  // Cleared at a system call: trap, interrupt, direction, I/O privilege, nested task, resume, alignment check.
  write_msr(msr::flag_mask, 0x57700);
  enable_fpu();
}

}  // namespace cv6::arch
