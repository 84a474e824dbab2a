// Floating-point and vector state (Intel SDM volume 1, chapter 13 "Managing state using the XSAVE feature set").
// Images have the standard format; without XSAVE, they are what FXSAVE writes.
#include "arch/x86_64/fpu.hpp"

#include <cstdint>
#include <cstring>

#include "arch/context.hpp"
#include "arch/user_memory.hpp"
#include "arch/x86_64/features.hpp"
#include "arch/x86_64/instructions.hpp"

extern "C" {  // user_copy.S
bool cv6_save_fpu_to_user_xsave(std::uintptr_t to, std::uint64_t components);
bool cv6_save_fpu_to_user_fxsave(std::uintptr_t to);
bool cv6_load_fpu_from_user_xsave(std::uintptr_t from, std::uint64_t components);
bool cv6_load_fpu_from_user_fxsave(std::uintptr_t from);
}

namespace cv6::arch {

namespace {

// x87, SSE, AVX, and the three parts of AVX-512.
constexpr std::uint64_t wanted_components = 0xe7;
constexpr std::uint64_t legacy_components = 3;
constexpr std::size_t legacy_size = 512;
constexpr std::size_t header_size = 64;
constexpr std::size_t image_alignment = 64;

// The parts of an image that the kernel looks at.
struct Image {
  std::uint16_t control;
  std::uint8_t between[22];
  std::uint32_t mxcsr;
  std::uint32_t mxcsr_mask;
  std::uint8_t registers[480];
  std::uint64_t present;    // XSTATE_BV
  std::uint64_t compacted;  // XCOMP_BV
  std::uint64_t reserved[6];
};
static_assert(sizeof(Image) == legacy_size + header_size);

std::uint64_t components = legacy_components;
std::size_t image_size = legacy_size;
std::uint32_t mxcsr_mask = 0xffbf;  // what a mask of 0 in the image means

void find_mxcsr_mask() {
  alignas(64) static Image image;
  asm volatile("fninit; fxsave64 %0" : "=m"(image));
  if (image.mxcsr_mask) mxcsr_mask = image.mxcsr_mask;
}

}  // namespace

void detect_fpu() {
  if (features.xsave) {
    const CpuidResult leaf = cpuid(0xd);
    components = (std::uint64_t{leaf.edx} << 32 | leaf.eax) & wanted_components;
  }
}

void enable_fpu() {
  if (features.xsave)
    asm volatile("xsetbv" ::"c"(0), "a"(static_cast<std::uint32_t>(components)), "d"(0));
  if (image_size == legacy_size) {  // the first processor
    if (features.xsave) image_size = cpuid(0xd).ebx;  // for what XCR0 allows now
    find_mxcsr_mask();
  }
}

std::size_t fpu_image_size() { return image_size; }
std::uint64_t fpu_components() { return components; }

void fpu_save(void* image) {
  if (features.xsave)
    asm volatile("xsave64 (%0)" ::"r"(image), "a"(static_cast<std::uint32_t>(components)), "d"(0) : "memory");
  else
    asm volatile("fxsave64 (%0)" ::"r"(image) : "memory");
}

void fpu_load(const void* image) {
  if (features.xsave)
    asm volatile("xrstor64 (%0)" ::"r"(image), "a"(static_cast<std::uint32_t>(components)), "d"(0) : "memory");
  else
    asm volatile("fxrstor64 (%0)" ::"r"(image) : "memory");
}

bool fpu_save_to_user(std::uintptr_t to) {
  if (to % image_alignment != 0 || !is_user_range(to, image_size)) return false;
  return features.xsave ? cv6_save_fpu_to_user_xsave(to, components) : cv6_save_fpu_to_user_fxsave(to);
}

bool fpu_load_from_user(std::uintptr_t from) {
  if (from % image_alignment != 0 || !is_user_range(from, image_size)) return false;
  return features.xsave ? cv6_load_fpu_from_user_xsave(from, components) : cv6_load_fpu_from_user_fxsave(from);
}

void fpu_initialise(void* image) {
  std::memset(image, 0, image_size);
  auto& state = *static_cast<Image*>(image);
  state.control = 0x37f;
  state.mxcsr = 0x1f80;
}

bool fpu_sanitize(void* image, std::size_t size) {
  if (size < legacy_size) return false;
  auto& state = *static_cast<Image*>(image);
  state.mxcsr &= mxcsr_mask;
  if (!features.xsave) return true;
  if (size < image_size) {  // a frame with the legacy part only
    std::memset(static_cast<char*>(image) + legacy_size, 0, image_size - legacy_size);
    state.present = legacy_components;
    return true;
  }
  if (state.compacted != 0) return false;
  for (std::uint64_t word : state.reserved)
    if (word != 0) return false;
  state.present &= components;
  return true;
}

}  // namespace cv6::arch
