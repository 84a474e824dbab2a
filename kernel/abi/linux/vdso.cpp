#include "abi/linux/vdso.hpp"

#include <cstring>

#include "arch/vdso.hpp"
#include "fs/real_time.hpp"
#include "mm/payer.hpp"

namespace cv6::linux_abi {
namespace {

// The same two pages for everybody, never written to by a program. They live as long as the kernel.
class Vdso final : public MemoryObject {
 public:
  Vdso(FrameRef code, FrameRef clock) : pages_{std::move(code), std::move(clock)} {}

  Result<FrameRef> page_for_mapping(std::uint64_t index, Intent) override {
    if (index >= std::size(pages_)) return Error::fault;
    return pages_[index];
  }
  void pages_present(std::uint64_t first, unsigned count, Frame** pages) override {
    for (unsigned i = 0; i < count; ++i) pages[i] = first + i < std::size(pages_) ? FrameRef(pages_[first + i]).leak() : nullptr;
  }
  PageCache* cache_for_mapping() override { return nullptr; }
  void modified_by_mapping() override {}
  Label label() override { return {}; }

  static constexpr std::uint64_t size = 2 * page_size;

 private:
  FrameRef pages_[2];
};

constinit Ref<MemoryObject> vdso;

}  // namespace

Result<void> initialise_vdso() {
  const std::span<const std::byte> image = arch::vdso_image();
  if (image.empty()) return {};
  CV6_ASSERT(image.size() <= page_size);
  FrameRef code = FrameRef::adopt(TRY(frames::take(0, FrameUse::kernel, Fill::zero)));
  std::memcpy(code.data(), image.data(), image.size());
  vdso = TRY(make<Vdso>(std::move(code), TRY(make_clock_page())));
  return {};
}

Result<std::uintptr_t> map_vdso(AddressSpace& space) {
  if (!vdso) return 0;
  MapRequest request;
  request.length = Vdso::size;
  request.object = vdso;
  request.sharing = MapRequest::Sharing::shared;
  request.protection = {.read = true, .write = false, .execute = true};
  request.allowed = request.protection;
  request.name = "[vdso]";
  return space.map(request);
}

}  // namespace cv6::linux_abi
