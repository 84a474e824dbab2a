#include "fs/credentials.hpp"

#include <algorithm>

#include "fs/inode.hpp"

namespace cv6 {

namespace {
constinit Credentials root_credentials;
}

Result<Ref<const GroupSet>> GroupSet::create(std::span<const std::uint32_t> groups) {
  if (groups.size() > maximum) return Error::inval;
  Ref<GroupSet> set = TRY(make<GroupSet>());
  TRY(set->groups_.reserve(groups.size()));
  for (std::uint32_t group : groups) TRY(set->groups_.push_back(group));
  std::make_heap(set->groups_.begin(), set->groups_.end());  // std::sort of integers needs a compiled C++ library
  std::sort_heap(set->groups_.begin(), set->groups_.end());
  return Ref<const GroupSet>(std::move(set));
}

bool GroupSet::contains(std::uint32_t group) const { return std::binary_search(groups_.begin(), groups_.end(), group); }

const Credentials& Credentials::root() { return root_credentials; }

Result<Ref<const Credentials>> Credentials::create(const Identities& ids, Ref<const GroupSet> groups) {
  return Ref<const Credentials>(TRY(make<Credentials>(ids, std::move(groups))));
}

std::span<const std::uint32_t> Credentials::supplementary_groups() const {
  return groups_ ? groups_->groups() : std::span<const std::uint32_t>();
}

bool Credentials::in_group(std::uint32_t group) const {
  return ids_.file_group == group || (groups_ && groups_->contains(group));
}

Result<Ref<const Credentials>> Credentials::with_real_ids() const {
  Identities ids = ids_;
  ids.file_user = ids.user;
  ids.file_group = ids.group;
  return create(ids, groups_);
}

Result<void> check_permission(const Credentials& who, const Inode& inode, unsigned wanted) {
  const Mode mode = inode.mode();
  const Mode everywhere = wanted * 0111;
  if ((mode & everywhere) == everywhere) return {};  // whoever it is
  if (who.overrides_files()) {
    if (inode.is_directory() || !(wanted & access_to::execute) || (mode & mode::execute_all)) return {};
    return Error::acces;
  }
  const unsigned shift = who.ids().file_user == inode.user() ? 6 : who.in_group(inode.group()) ? 3 : 0;
  if ((mode >> shift & wanted) != wanted) return Error::acces;
  return {};
}

bool owns(const Credentials& who, const Inode& inode) {
  return who.overrides_files() || who.ids().file_user == inode.user();
}

Result<void> check_removal(const Credentials& who, const Inode& directory, const Inode& victim) {
  TRY(check_permission(who, directory, access_to::write | access_to::execute));
  if ((directory.mode() & mode::sticky) && !who.overrides_files() && who.ids().file_user != victim.user() &&
      who.ids().file_user != directory.user())
    return Error::perm;
  return {};
}

}  // namespace cv6
