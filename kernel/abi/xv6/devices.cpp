#include "abi/xv6/devices.hpp"

#include "abi/xv6/console.hpp"
#include "abi/xv6/types.hpp"
#include "fs/device.hpp"
#include "mm/payer.hpp"

namespace cv6::xv6_abi {

namespace {

// Of the range for local use.
constexpr std::uint32_t console_driver_major = 242, silent_driver_major = 243;
constexpr std::uint32_t all_minors = 1 << 20;

Result<Ref<File>> open_console(Inode&, OpenFlags, void*) { return open_console_of(Process::current()); }

// Nobody answers: reading and writing fail (File's own answer).
class SilentFile final : public File, public Charged<SilentFile, "silent_file", charged_beside_file> {
 public:
  explicit SilentFile(Ref<Inode> node) : File(std::move(node), Positions::none) {}
};

Result<Ref<File>> open_silent(Inode& node, OpenFlags, void*) { return Ref<File>(TRY(make<SilentFile>(Ref<Inode>(&node)))); }

constinit CharacterDevice console_driver{.name = "xv6-console", .major = console_driver_major, .minor_count = all_minors,
                                         .open = open_console, .node = {}};
constinit CharacterDevice silent_driver{.name = "xv6-none", .major = silent_driver_major, .minor_count = all_minors,
                                        .open = open_silent, .node = {}};

}  // namespace

DeviceNumber device_number(std::int16_t major, std::int16_t minor) {
  const auto low = static_cast<std::uint8_t>(minor);
  if (major == console_major) return make_device(console_driver_major, low);
  return make_device(silent_driver_major, static_cast<std::uint32_t>(static_cast<std::uint16_t>(major)) << 4 ^ low);
}

Result<void> initialise_devices() {
  register_device(console_driver);
  register_device(silent_driver);
  return {};
}

}  // namespace cv6::xv6_abi
