#include "fs/initialise.hpp"

#include <algorithm>

#include "fs/anonymous.hpp"
#include "fs/device.hpp"
#include "fs/tmpfs.hpp"

namespace cv6::fs {

namespace {

// Names that are remembered though nobody uses them may take this part of the machine's memory.
constexpr std::uint64_t memory_per_dentry = 65536;
constexpr std::uint64_t fewest_dentries = 512;

}  // namespace

void choose_secrets() {
  ComponentName::hash_key = {.start = random_number(), .factor = random_number() | 1};
  boot_secret = static_cast<std::uint32_t>(random_number());
}

Result<Path> initialise(GuestMemory& owner) {
  Dentry::set_limit(std::max(frames::counts().total * page_size / memory_per_dentry, fewest_dentries));
  TRY(anonymous::initialise());
  tmpfs::initialise();
  TRY(devfs::initialise());
  TRY(initialise_memory_devices());
  tmpfs::Options options;
  options.mode = 0755;
  Ref<Dentry> root = TRY(tmpfs::create(Ref<GuestMemory>(&owner), options));
  Ref<Mount> mount = TRY(Mount::create_tree(root, "tmpfs"));
  return Path{std::move(mount), std::move(root)};
}

}  // namespace cv6::fs
