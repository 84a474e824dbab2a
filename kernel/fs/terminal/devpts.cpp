#include "fs/terminal/devpts.hpp"

#include <charconv>

namespace cv6 {

namespace {

constexpr std::uint64_t devpts_magic = 0x1cd1;
constexpr std::string_view master_name = "ptmx";
constexpr Mode slave_mode = 0620, ptmx_mode = 0666;
// Of inodes, as on Linux.
constexpr std::uint64_t ptmx_number = 2, first_slave_number = 3;

PtyFileSystem& instance_of(const Inode& inode) { return static_cast<PtyFileSystem&>(inode.file_system()); }

class PtmxNode final : public Inode {
 public:
  explicit PtmxNode(Ref<FileSystem> instance)
      : Inode(std::move(instance),
              {.type = FileType::character_device, .mode = ptmx_mode, .group = tty_group, .represents = ptmx_device},
              ptmx_number) {}
  Result<Ref<File>> open(const Path&, OpenFlags) override { return open_pty_master(*this); }
};

// The pty holds its node. Who found the name before the pty went holds the node only: opening it fails then.
class SlaveNode final : public Inode, public Charged<SlaveNode, "pty_node"> {
 public:
  SlaveNode(Ref<FileSystem> instance, std::uint32_t number)
      : Inode(std::move(instance),
              {.type = FileType::character_device, .mode = slave_mode, .group = tty_group,
               .represents = make_device(slave_major, number)},
              first_slave_number + number) {}
  Result<Ref<File>> open(const Path&, OpenFlags flags) override {
    Ref<Pty> pty = instance_of(*this).find(device_minor(represents()));
    if (!pty || pty->node() != this || pty->locked()) return Error::io;
    return pty->open(*this, flags);
  }
};

// Decimal, without leading zeros.
bool parse_name(std::string_view name, std::uint32_t& number) {
  if (name.empty() || (name.front() == '0' && name.size() != 1)) return false;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc{} && end == name.data() + name.size();
}

class Directory final : public SyntheticDirectory {
 public:
  explicit Directory(Ref<FileSystem> instance) : SyntheticDirectory(std::move(instance), 0755) { set_dynamic(); }

  Result<Ref<Inode>> child(std::string_view name) override {
    if (name == master_name) return instance_of(*this).master_node();
    std::uint32_t number;
    if (!parse_name(name, number)) return Error::noent;
    const Ref<Pty> pty = instance_of(*this).find(number);
    if (!pty) return Error::noent;
    return Ref<Inode>(pty->node());
  }
  // Positions: ptmx, and behind it the numbers.
  Result<void> list(std::uint64_t& position, DirectorySink& sink) override {
    constexpr std::uint64_t first_number = first_dynamic_position + 1;
    if (position == first_dynamic_position) {
      if (!sink.entry(master_name, ptmx_number, FileType::character_device, first_number)) return {};
      position = first_number;
    }
    while (const Ref<Pty> pty = instance_of(*this).find_from(static_cast<std::uint32_t>(position - first_number))) {
      const std::uint64_t next = first_number + pty->number() + 1;
      char name[12];
      if (!sink.entry(format_to(name, "{}", pty->number()), pty->node()->number(), FileType::character_device, next)) break;
      position = next;
    }
    return {};
  }
};

Result<Ref<Dentry>> make_by_name(std::string_view, std::string_view, GuestMemory&) { return devpts::create(); }
constinit FileSystemType devpts_type{.name = "devpts", .make = make_by_name, .node = {}};

}  // namespace

PtyFileSystem::PtyFileSystem() : SyntheticFileSystem(devpts_type.name, devpts_magic) {}

PtyFileSystem* PtyFileSystem::of(FileSystem& file_system) {
  return file_system.type_name() == devpts_type.name ? static_cast<PtyFileSystem*>(&file_system) : nullptr;
}

Result<Ref<Inode>> PtyFileSystem::master_node() {
  const auto known = [&] {
    SpinGuard guard(lock_);
    return master_node_;
  };
  if (Ref<Inode> node = known()) return node;
  Ref<Inode> fresh = TRY(make<PtmxNode>(Ref<FileSystem>(this)));
  SpinGuard guard(lock_);
  if (!master_node_) master_node_ = fresh;
  return master_node_;
}

void PtyFileSystem::last_unmounted() {
  Ref<Inode> node;  // goes after the lock
  SpinGuard guard(lock_);
  std::swap(node, master_node_);
}

Result<Ref<Inode>> PtyFileSystem::make_node(std::uint32_t number) {
  return Ref<Inode>(TRY(make<SlaveNode>(Ref<FileSystem>(this), number)));
}

Result<void> PtyFileSystem::enlist(Pty& pty) {
  SpinGuard guard(lock_);
  std::uint32_t number = 0;
  Pty* after = nullptr;  // the first one with a greater number
  for (Pty& other : ptys_) {
    if (other.number() != number) {
      after = &other;
      break;
    }
    ++number;
  }
  if (number == most) return Error::nospc;
  pty.set_device(make_device(slave_major, number));
  if (after) ptys_.insert_before(*after, pty);
  else ptys_.push_back(pty);
  return {};
}

void PtyFileSystem::remove(Pty& pty) {
  SpinGuard guard(lock_);
  ptys_.remove(pty);
}

void PtyFileSystem::set_named(Pty& pty, Named named) {
  SpinGuard guard(lock_);
  pty.named_ = named == Named::yes;
}

Ref<Pty> PtyFileSystem::find(std::uint32_t number) {
  Ref<Pty> pty = find_from(number);
  return pty && pty->number() == number ? std::move(pty) : nullptr;
}

Ref<Pty> PtyFileSystem::find_from(std::uint32_t number) {
  SpinGuard guard(lock_);
  for (Pty& pty : ptys_)
    if (pty.number() >= number && pty.named_ && pty.hold_unless_gone()) return Ref<Pty>::adopt(&pty);
  return nullptr;
}

namespace devpts {

void initialise() { register_file_system(devpts_type); }

bool is_instance(FileSystem& file_system) { return PtyFileSystem::of(file_system); }

Result<Ref<Dentry>> create() {
  Ref<PtyFileSystem> instance = TRY(make<PtyFileSystem>());
  return Dentry::create_root(TRY(make<Directory>(instance)));
}

}  // namespace devpts

}  // namespace cv6
