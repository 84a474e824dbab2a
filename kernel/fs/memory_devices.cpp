// /dev/null, zero, full, random, urandom: mem(4), null(4), full(4), random(4).
#include <algorithm>

#include "fs/device.hpp"
#include "fs/kernel_log_file.hpp"
#include "fs/random.hpp"
#include "mm/payer.hpp"
#include "sched/scheduler.hpp"

namespace cv6 {

namespace {

constexpr std::uint32_t memory_major = 1;
enum : std::uint32_t { null_minor = 3, zero_minor = 5, full_minor = 7, random_minor = 8, urandom_minor = 9, kmsg_minor = 11 };

constexpr std::size_t random_chunk = 256;
constexpr std::size_t bytes_between_yields = 1_MiB;

class MemoryDevice final : public File, public Charged<MemoryDevice, "memory_device_file", charged_beside_file> {
 public:
  explicit MemoryDevice(Ref<Inode> node) : File(std::move(node), Positions::ignored), minor_(device_minor(inode().represents())) {}
  // Mapping /dev/zero is mapping nothing: anonymous memory.
  Result<Ref<MemoryObject>> memory_object() override {
    if (minor_ == zero_minor) return Ref<MemoryObject>();
    return Error::nodev;
  }

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t offset) override;
  Result<std::size_t> do_write(IoBuffer& from, std::uint64_t offset, std::uint64_t size_limit) override;
  Result<std::uint64_t> do_seek(std::int64_t, Seek) override { return 0; }

 private:
  const std::uint32_t minor_;
};

// Moves all of a buffer in steps: move(size) moves at most so much.
template <class Move>
Result<std::size_t> in_steps(IoBuffer& buffer, std::size_t step, Move move) {
  std::size_t total = 0;
  std::size_t since_yield = 0;
  while (!buffer.empty()) {
    const std::size_t wanted = std::min(step, buffer.remaining());
    const Result<std::size_t> count = move(wanted);
    if (!count) return total ? Result<std::size_t>(total) : count;
    total += *count;
    since_yield += *count;
    if (*count < wanted) break;
    if (since_yield >= bytes_between_yields) {
      since_yield = 0;
      if (!sched::may_go_on()) break;  // ^C ends reading a terabyte of zeros
    }
  }
  return total;
}

// Apart from the functions that use them: what they need of the stack is not for the others to pay.
[[gnu::noinline]] Result<std::size_t> read_many_zeros(IoBuffer& to) {
  return in_steps(to, bytes_between_yields, [&](std::size_t size) { return to.put_zeros(size); });
}

[[gnu::noinline]] Result<std::size_t> read_random(IoBuffer& to) {
  return in_steps(to, random_chunk, [&](std::size_t size) {
    std::byte bytes[random_chunk];
    random_bytes({bytes, size});
    return to.put(bytes, size);
  });
}

[[gnu::noinline]] Result<std::size_t> write_random(IoBuffer& from) {
  return in_steps(from, random_chunk, [&](std::size_t wanted) {
    std::byte bytes[random_chunk];
    const Result<std::size_t> count = from.take(bytes, wanted);
    if (count) stir_random({bytes, *count});
    return count;
  });
}

Result<std::size_t> MemoryDevice::do_read(IoBuffer& to, std::uint64_t) {
  switch (minor_) {
    case null_minor: return 0;
    case zero_minor:
    case full_minor: return to.remaining() < bytes_between_yields ? to.put_zeros(to.remaining()) : read_many_zeros(to);
    default: return read_random(to);
  }
}

Result<std::size_t> MemoryDevice::do_write(IoBuffer& from, std::uint64_t, std::uint64_t) {
  const std::size_t size = from.remaining();
  switch (minor_) {
    case null_minor:
    case zero_minor: return size;
    case full_minor: return size ? Result<std::size_t>(Error::nospc) : size;
    default: return write_random(from);
  }
}

Result<Ref<File>> open_memory_device(Inode& node, OpenFlags, void*) {
  const std::uint32_t minor = device_minor(node.represents());
  switch (minor) {
    case null_minor:
    case zero_minor:
    case full_minor:
    case random_minor:
    case urandom_minor: return Ref<File>(TRY(make<MemoryDevice>(Ref<Inode>(&node))));
    default: return Error::nxio;
  }
}

constinit CharacterDevice memory_devices{.name = "mem",
                                         .major = memory_major,
                                         .first_minor = 0,
                                         .minor_count = kmsg_minor,
                                         .open = open_memory_device,
                                         .context = nullptr,
                                         .reach = DeviceReach::everywhere,
                                         .node = {}};

constinit CharacterDevice kernel_log_device{.name = "kmsg",
                                            .major = memory_major,
                                            .first_minor = kmsg_minor,
                                            .minor_count = 1,
                                            .open = [](Inode& node, OpenFlags, void*) { return open_kernel_log(node); },
                                            .context = nullptr,
                                            .reach = DeviceReach::host,
                                            .node = {}};

}  // namespace

Result<void> initialise_memory_devices() {
  register_device(memory_devices);
  register_device(kernel_log_device);
  struct Node {
    std::string_view name;
    std::uint32_t minor;
    Mode mode;
  };
  constexpr Node nodes[] = {{"null", null_minor, 0666},     {"zero", zero_minor, 0666},       {"full", full_minor, 0666},
                            {"random", random_minor, 0666}, {"urandom", urandom_minor, 0666}, {"kmsg", kmsg_minor, 0644}};
  for (const Node& node : nodes)
    TRY(devfs::add_node(node.name, FileType::character_device, make_device(memory_major, node.minor), node.mode));
  return {};
}

}  // namespace cv6
