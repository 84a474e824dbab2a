// openat2(2) with RESOLVE_ flags: a walk in a context of its own, whose root is the directory that it must not leave.
#include "fs/operations.hpp"

namespace cv6 {

namespace {

// The context for one walk by `rules`.
Result<Ref<FsContext>> context_with_rules(const Caller& caller, const At& at, WalkRules rules) {
  FsContext& own = caller.context;
  if (!(rules & walk_rule::scoped)) {
    // As in Linux, a walk that does not begin at the root directory cannot tell whether that is on its mount.
    if (rules & walk_rule::same_mount && !at.name.starts_with('/')) rules |= walk_rule::no_absolute_links;
    return FsContext::create(own.root(), own.working_directory(), own.umask(), rules);
  }
  if (rules & walk_rule::beneath) {
    if (at.name.starts_with('/')) return Error::xdev;
    rules |= walk_rule::no_absolute_links;
  }
  const Path top = at.directory ? at.directory->path() : own.working_directory();
  if (!top || !top.inode().is_directory()) return Error::notdir;
  if (top.mount->tree() != own.tree()) return Error::xdev;  // a context of its own must not lead into another tree
  return FsContext::create(top, top, own.umask(), rules);
}

}  // namespace

Result<Ref<File>> open_by_rules(const Caller& caller, const At& at, const OpenRequest& request, WalkRules rules) {
  const OpenFlags flags = request.flags;
  constexpr OpenFlags makes = open_flag::create | open_flag::temporary;
  if (rules & walk_rule::cached && flags & (makes | open_flag::truncate)) return Error::again;
  if (at.name.empty()) return Error::noent;
  const Ref<FsContext> context = TRY(context_with_rules(caller, at, rules));
  const Caller walker{*context, caller.credentials};
  if (flags & makes) return open_file(walker, at, request);
  const Path path = TRY(resolve(walker, at, flags & open_flag::no_follow ? Follow::no : Follow::yes));
  // Asked at the end, for a directory may have been moved out of the scope while the walk went down in it.
  if (rules & walk_rule::scoped && !is_below(path, context->root())) return Error::xdev;
  return open_path(walker, path, flags);
}

}  // namespace cv6
