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

// A description of its own, with the flags of its open(), of what may be another one's file: the program's own output.
class ConsoleDevice final : public File, public Charged<ConsoleDevice, "console_device", charged_beside_file> {
 public:
  ConsoleDevice(Ref<Inode> node, Ref<File> console, const Container& container)
      : File(std::move(node), Positions::none),
        console_(std::move(console)),
        container_(&container) {}

  Ref<File> console_of(const Container& container) override { return container_ == &container ? console_ : nullptr; }
  UnixSocket* kept_socket() override { return console_->kept_socket(); }
  unsigned nesting() const override { return console_->nesting() + 1; }
  PollEvents poll(PollWaiters* waiters) override { return console_->poll(waiters); }
  Result<std::size_t> readable_bytes() override { return console_->readable_bytes(); }
  Result<long> control(unsigned request, std::uintptr_t argument) override { return console_->control(request, argument); }
  JobControl* job_control() override { return console_->job_control(); }

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t) override { return console_->read(to); }
  Result<std::size_t> do_write(IoBuffer& from, std::uint64_t, std::uint64_t size_limit) override {
    return console_->write(from, size_limit);
  }

 private:
  Ref<File> console_;
  const Container* container_;  // which opened it; `console_` keeps it
};

Result<Ref<File>> open_console(Inode& node, OpenFlags, void*) {
  const Process& process = Process::current();
  Ref<File> console = TRY(open_console_of(process));
  return Ref<File>(TRY(make<ConsoleDevice>(Ref<Inode>(&node), std::move(console), process.container())));
}

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
