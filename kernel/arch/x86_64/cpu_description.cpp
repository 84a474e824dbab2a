// /proc/cpuinfo from CPUID: Intel SDM volume 2, "CPUID"; AMD64 APM volume 3, appendix E. Features have the names that
// Linux gives them, because programs look for those.
#include "arch/cpu_description.hpp"

#include <cstring>

#include "arch/clock.hpp"
#include "arch/cpu.hpp"
#include "arch/x86_64/instructions.hpp"

namespace cv6::arch {

namespace {

using Names = const std::string_view[32];

constexpr Names basic_edx = {"fpu",  "vme",  "de",   "pse", "tsc",  "msr", "pae",   "mce", "cx8",     "apic", "",
                             "sep",  "mtrr", "pge",  "mca", "cmov", "pat", "pse36", "pn",  "clflush", "",     "dts",
                             "acpi", "mmx",  "fxsr", "sse", "sse2", "ss",  "ht",    "tm",  "ia64",    "pbe"};
constexpr Names basic_ecx = {"pni",    "pclmulqdq", "dtes64", "monitor", "ds_cpl",
                             "vmx",    "smx",       "est",    "tm2",     "ssse3",
                             "cid",    "sdbg",      "fma",    "cx16",    "xtpr",
                             "pdcm",   "",          "pcid",   "dca",     "sse4_1",
                             "sse4_2", "x2apic",    "movbe",  "popcnt",  "tsc_deadline_timer",
                             "aes",    "xsave",     "",       "avx",     "f16c",
                             "rdrand", "hypervisor"};
constexpr Names extended_edx = {"",        "", "", "",         "",        "",       "", "",   "",         "",     "",
                                "syscall", "", "", "",         "",        "",       "", "",   "",         "nx",   "",
                                "mmxext",  "", "", "fxsr_opt", "pdpe1gb", "rdtscp", "", "lm", "3dnowext", "3dnow"};
constexpr Names extended_ecx = {
    "lahf_lm", "cmp_legacy", "svm", "extapic", "cr8_legacy", "abm", "sse4a", "misalignsse", "3dnowprefetch",
    "osvw",    "ibs",        "xop", "skinit",  "wdt",        "",    "lwp",   "fma4",        "tce"};
constexpr Names structured_ebx = {
    "fsgsbase", "tsc_adjust", "sgx",      "bmi1",     "hle",      "avx2",       "",         "smep",
    "bmi2",     "erms",       "invpcid",  "rtm",      "cqm",      "",           "mpx",      "rdt_a",
    "avx512f",  "avx512dq",   "rdseed",   "adx",      "smap",     "avx512ifma", "",         "clflushopt",
    "clwb",     "intel_pt",   "avx512pf", "avx512er", "avx512cd", "sha_ni",     "avx512bw", "avx512vl"};
constexpr Names structured_ecx = {"",
                                  "avx512vbmi",
                                  "umip",
                                  "pku",
                                  "ospke",
                                  "waitpkg",
                                  "avx512_vbmi2",
                                  "",
                                  "gfni",
                                  "vaes",
                                  "vpclmulqdq",
                                  "avx512_vnni",
                                  "avx512_bitalg",
                                  "tme",
                                  "avx512_vpopcntdq",
                                  "",
                                  "la57",
                                  "",
                                  "",
                                  "",
                                  "",
                                  "",
                                  "rdpid",
                                  "",
                                  "",
                                  "cldemote",
                                  "",
                                  "movdiri",
                                  "movdir64b"};

void print_features(Output& out, std::uint32_t bits, Names& names) {
  for (unsigned bit = 0; bit < 32; ++bit)
    if ((bits >> bit & 1) && !names[bit].empty()) print(out, " {}", names[bit]);
}

void print_flags(Output& out, std::uint32_t highest, std::uint32_t highest_extended) {
  out.write("flags\t\t:");
  const CpuidResult basic = cpuid(1);
  print_features(out, basic.edx, basic_edx);
  if (highest_extended >= 0x80000001) print_features(out, cpuid(0x80000001).edx, extended_edx);
  print_features(out, basic.ecx, basic_ecx);
  if (highest_extended >= 0x80000001) print_features(out, cpuid(0x80000001).ecx, extended_ecx);
  if (highest >= 7) {
    const CpuidResult structured = cpuid(7);
    print_features(out, structured.ebx, structured_ebx);
    print_features(out, structured.ecx, structured_ecx);
  }
  out.write("\n");
}

void print_model_name(Output& out, std::uint32_t highest_extended) {
  char name[49] = {};
  if (highest_extended >= 0x80000004)
    for (std::uint32_t i = 0; i < 3; ++i) {
      const CpuidResult part = cpuid(0x80000002 + i);
      std::memcpy(name + 16 * i, &part, sizeof part);
    }
  std::string_view text(name);
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  print(out, "model name\t: {}\n", text.empty() ? "unknown" : text);
}

// Family, model and stepping, as the extended fields complete them.
void print_signature(Output& out, std::uint32_t highest_extended) {
  const std::uint32_t signature = cpuid(1).eax;
  std::uint32_t family = signature >> 8 & 0xf;
  std::uint32_t model = signature >> 4 & 0xf;
  if (family == 6 || family == 15) model |= (signature >> 16 & 0xf) << 4;
  if (family == 15) family += signature >> 20 & 0xff;
  print(out, "cpu family\t: {}\nmodel\t\t: {}\n", family, model);
  print_model_name(out, highest_extended);
  print(out, "stepping\t: {}\n", signature & 0xf);
}

void print_frequency(Output& out) {
  const std::uint64_t kilohertz = cycles_per_second() / 1000;
  if (kilohertz) print(out, "cpu MHz\t\t: {}.{:03}\n", kilohertz / 1000, kilohertz % 1000);
}

}  // namespace

void describe_cpu(unsigned cpu, Output& out) {
  const CpuidResult first = cpuid(0);
  const std::uint32_t highest_extended = cpuid(0x80000000).eax;
  char vendor[12];
  std::memcpy(vendor, &first.ebx, 4);
  std::memcpy(vendor + 4, &first.edx, 4);
  std::memcpy(vendor + 8, &first.ecx, 4);
  print(out, "processor\t: {}\nvendor_id\t: {}\n", cpu, std::string_view(vendor, sizeof vendor));
  print_signature(out, highest_extended);
  print_frequency(out);
  print(out, "physical id\t: 0\nsiblings\t: {}\ncore id\t\t: {}\ncpu cores\t: {}\n", cpu_count(), cpu, cpu_count());
  print(out, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: {}\nwp\t\t: yes\n", first.eax);
  print_flags(out, first.eax, highest_extended);
  const std::uint32_t line = (cpuid(1).ebx >> 8 & 0xff) * 8;
  print(out, "clflush size\t: {}\ncache_alignment\t: {}\n", line, line);
  if (highest_extended >= 0x80000008) {
    const std::uint32_t sizes = cpuid(0x80000008).eax;
    print(out, "address sizes\t: {} bits physical, {} bits virtual\n", sizes & 0xff, sizes >> 8 & 0xff);
  }
  out.write("\n");
}

}  // namespace cv6::arch
