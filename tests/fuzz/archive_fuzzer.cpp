// The initramfs: any bytes at all, unpacked into an empty tree. If the first byte is odd they become the fields of headers, so that
// names, sizes and modes are what chance is about, not hexadecimal digits.
#include <cstring>

#include "fs/initramfs.hpp"
#include "fs_support.hpp"

namespace {

using namespace cv6;

// A header of the format `newc`: its fields are two bytes of the input each, and the name's size stays small.
std::string shaped(std::string_view input) {
  constexpr unsigned fields = 13, name_size = 11;
  std::string archive;
  while (input.size() >= 2 * fields) {
    archive += "070701";
    for (unsigned field = 0; field < fields; ++field, input.remove_prefix(2)) {
      unsigned value = static_cast<std::uint8_t>(input[0]) << 8 | static_cast<std::uint8_t>(input[1]);
      if (field == name_size) value %= 16;
      char digits[9];
      std::snprintf(digits, sizeof digits, "%08x", value);
      archive += digits;
    }
    const std::size_t rest = std::min<std::size_t>(input.size(), 64);
    archive += input.substr(0, rest);
    input.remove_prefix(rest);
  }
  return archive;
}

// Into pages that count as reserved, as boot finds the archive; unpacking gives them back.
arch::PhysicalAddress place(const std::string& archive) {
  unsigned order = 0;
  while ((page_size << order) < archive.size()) ++order;
  Frame* block = *frames::take(order, FrameUse::kernel, Fill::garbage);
  const arch::PhysicalAddress start = block->physical();
  std::memcpy(block->data(), archive.data(), archive.size());
  for (std::uint64_t i = 0; i < (std::uint64_t{1} << order); ++i) {
    Frame* frame = Frame::of(start + i * page_size);
    frame->use = FrameUse::reserved;
    frame->users.store(0);
    frame->order = 0;
  }
  frames::free_reserved({start + pages_for(archive.size()) * page_size, start + (page_size << order)});
  return start;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  test::start_machine();
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string archive = data[0] & 1 ? shaped(input) : std::string(input);
  if (archive.empty()) return 0;
  static const test::Accounts before = test::accounts();
  {
    test::Tree tree = test::Tree::on_tmpfs();
    (void)unpack_initramfs(*tree.root().dentry, place(archive), archive.size(), GuestMemory::host());
  }
  CV6_ASSERT(test::accounts().pages == before.pages);
  return 0;
}
