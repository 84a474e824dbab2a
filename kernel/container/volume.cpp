#include "container/volume.hpp"

#include "fs/operations.hpp"

namespace cv6 {

namespace {

constexpr Mode directory_mode = 0755;
constexpr Mode file_mode = 0644;

// Walks in the container as its root user does.
class Walker {
 public:
  explicit Walker(Path root) : root_(std::move(root)) {}
  Result<void> prepare() {
    context_ = TRY(FsContext::create(root_, root_, 0));
    return {};
  }

  // The target, which is made if it is missing: a directory, or an empty file if the source is none.
  Result<Path> find_or_make(std::string_view name, FileType last) {
    Path at = root_;
    while (true) {
      name.remove_prefix(std::min(name.find_first_not_of('/'), name.size()));
      if (name.empty()) return at;
      const std::string_view component = name.substr(0, name.find('/'));
      name.remove_prefix(component.size());
      const bool is_last = name.find_first_not_of('/') == std::string_view::npos;
      context_->set_working_directory(at);
      Result<Path> next = find(component);
      if (!next && next.error() == Error::noent) {
        TRY(make_name(at, component, is_last ? last : FileType::directory));
        next = find(component);
      }
      at = TRY(std::move(next));
    }
  }

 private:
  Result<Path> find(std::string_view name) {
    return resolve({*context_, Credentials::root()}, {nullptr, name}, Follow::yes);
  }
  Result<void> make_name(const Path& directory, std::string_view name, FileType type) {
    // A read-only root is one for the container. A volume stays what it is.
    const bool in_root = directory.mount == root_.mount && directory.mount->read_only();
    const Path place = in_root ? TRY(Mount::twin(directory, 0)) : directory;
    const Ref<FsContext> context = TRY(FsContext::create(place, place, 0));
    const Caller caller{*context, Credentials::root()};
    if (type == FileType::directory) return make_directory(caller, {nullptr, name}, directory_mode);
    TRY(make_node(caller, {nullptr, name}, FileType::regular, file_mode, 0));
    return {};
  }

  Path root_;
  Ref<FsContext> context_;
};

}  // namespace

Result<void> mount_volume(Container& container, const Path& source, std::string_view target, VolumeAccess access) {
  if (!target.starts_with('/')) return Error::inval;
  const Path root = container.root();
  if (!root) return Error::srch;
  Walker walker(root);
  TRY(walker.prepare());
  const bool directory = source.inode().is_directory();
  const Path where = TRY(walker.find_or_make(target, directory ? FileType::directory : FileType::regular));
  if (where == root) return Error::inval;
  std::uint32_t flags = source.mount->flags() | mount_flag::locked;
  if (access == VolumeAccess::read_only) flags |= mount_flag::read_only;
  TRY(Mount::attach(where, source.dentry, source.mount->source(), flags));
  return {};
}

}  // namespace cv6
