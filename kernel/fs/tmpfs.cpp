#include "fs/tmpfs.hpp"

#include "fs/mount.hpp"
#include "fs/tmpfs_inodes.hpp"

namespace cv6::tmpfs {

namespace {

// "64m", "1g", "50%" (of the machine's memory), "4096": tmpfs(5), size=.
std::optional<std::uint64_t> parse_size(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const char unit = text.back();
  unsigned shift = 0;
  if (unit == 'k' || unit == 'K') shift = 10;
  if (unit == 'm' || unit == 'M') shift = 20;
  if (unit == 'g' || unit == 'G') shift = 30;
  if (shift || unit == '%') text.remove_suffix(1);
  const std::optional<std::uint64_t> number = parse_unsigned(text);
  if (!number || *number > UINT64_MAX >> 30) return std::nullopt;
  return unit == '%' ? frames::counts().total * page_size / 100 * *number : *number << shift;
}

Result<void> parse_option(std::string_view option, Options& options) {
  const std::size_t equals = option.find('=');
  if (equals == std::string_view::npos) return Error::inval;
  const std::string_view name = option.substr(0, equals);
  const std::string_view text = option.substr(equals + 1);
  const std::optional<std::uint64_t> value = name == "mode" ? parse_unsigned(text, 8) : parse_size(text);
  if (!value) return Error::inval;
  if (name == "size") options.max_bytes = *value ? *value : UINT64_MAX;
  else if (name == "nr_inodes") options.max_inodes = *value ? *value : UINT64_MAX;
  else if (name == "mode") options.mode = static_cast<Mode>(*value) & mode::all;
  else if (name == "uid") options.user = static_cast<std::uint32_t>(*value);
  else if (name == "gid") options.group = static_cast<std::uint32_t>(*value);
  else return Error::inval;
  return {};
}

Result<Ref<Dentry>> make_by_name(std::string_view, std::string_view text, GuestMemory& owner) {
  Options options;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    TRY(parse_option(text.substr(0, comma), options));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return create(Ref<GuestMemory>(&owner), options);
}

constinit FileSystemType tmpfs_type{.name = "tmpfs", .make = make_by_name, .node = {}};

}  // namespace

// A limit on the bytes is a memory of its own with that limit, below the owner's: what is charged counts in both.
Result<Ref<Dentry>> create(Ref<GuestMemory> owner, const Options& options) {
  if (options.max_bytes != UINT64_MAX) owner = TRY(GuestMemory::create(*owner, pages_for(options.max_bytes)));
  Ref<TmpfsFileSystem> file_system = TRY(make<TmpfsFileSystem>(std::move(owner), options));
  const NewInode root{.type = FileType::directory, .mode = options.mode, .user = options.user, .group = options.group};
  return Dentry::create_root(TRY(file_system->make_inode(root)));
}

void initialise() { register_file_system(tmpfs_type); }

}  // namespace cv6::tmpfs
