// Who does something, credentials(7). An object never changes once others can see it: to change a process's identity,
// task/ makes a changed copy and puts it in place of the old one; so whoever holds a Ref can read without a lock.
#pragma once

#include <cstdint>
#include <span>

#include "fs/types.hpp"
#include "lib/ref.hpp"
#include "lib/vector.hpp"
#include "mm/payer.hpp"

namespace cv6 {

class Inode;

// Supplementary groups, sorted.
class GroupSet : public Counted<GroupSet> {
 public:
  static constexpr std::size_t maximum = 65536;  // NGROUPS_MAX
  static Result<Ref<const GroupSet>> create(std::span<const std::uint32_t> groups);
  bool contains(std::uint32_t group) const;
  std::span<const std::uint32_t> groups() const { return groups_; }

 private:
  Vector<std::uint32_t> groups_;
};

struct Identities {
  std::uint32_t user = 0, effective_user = 0, saved_user = 0, file_user = 0;
  std::uint32_t group = 0, effective_group = 0, saved_group = 0, file_group = 0;
  bool operator==(const Identities&) const = default;
};

class Credentials : public Counted<Credentials>, public Charged<Credentials, "credentials"> {
 public:
  // User and group 0, no supplementary groups.
  static const Credentials& root();
  static Result<Ref<const Credentials>> create(const Identities& ids, Ref<const GroupSet> groups);

  const Identities& ids() const { return ids_; }
  std::span<const std::uint32_t> supplementary_groups() const;
  const Ref<const GroupSet>& group_set() const { return groups_; }
  // The file group or a supplementary one.
  bool in_group(std::uint32_t group) const;
  // May override file permissions / do what only root may.
  bool overrides_files() const { return ids_.file_user == 0; }
  bool privileged() const { return ids_.effective_user == 0; }
  // The same with the real ids in place of the file ids: for access(2).
  Result<Ref<const Credentials>> with_real_ids() const;

  constexpr Credentials() = default;
  explicit Credentials(const Identities& ids, Ref<const GroupSet> groups = {}) : ids_(ids), groups_(std::move(groups)) {}

 private:
  Identities ids_;
  Ref<const GroupSet> groups_;
};

// --- permission checks, path_resolution(7) ----------------------------------------------------------------------------
namespace access_to {
inline constexpr unsigned execute = 1, write = 2, read = 4;  // as in the mode bits, and as R_OK, W_OK, X_OK
}

// Error::acces. `wanted`: bits of access_to. Root may read and write everything, search every directory, and execute a
// file that anybody may.
Result<void> check_permission(const Credentials& who, const Inode& inode, unsigned wanted);
// May change modes, times and the like: owner or root.
bool owns(const Credentials& who, const Inode& inode);
// Removing or renaming `victim` out of `directory`: write and search permission, and the sticky bit's rule. Error::acces,
// Error::perm.
Result<void> check_removal(const Credentials& who, const Inode& directory, const Inode& victim);

}  // namespace cv6
