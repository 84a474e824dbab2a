// openat2(2).
#include "abi/linux/handlers.hpp"
#include "abi/linux/open_flags.hpp"
#include "abi/support.hpp"

namespace cv6::linux_abi {
namespace {

// The RESOLVE_ flags and what they ask of the walk (linux/openat2.h).
constexpr struct {
  std::uint64_t linux_bit;
  WalkRules rule;
} resolve_flags[] = {
    {0x01, walk_rule::same_mount}, {0x02, walk_rule::no_magic_links}, {0x04, walk_rule::no_symlinks},
    {0x08, walk_rule::beneath},    {0x10, walk_rule::in_root},        {0x20, walk_rule::cached},
};

Result<WalkRules> walk_rules_from_linux(std::uint64_t bits) {
  WalkRules rules = 0;
  for (const auto& flag : resolve_flags) {
    if (bits & flag.linux_bit) rules |= flag.rule;
    bits &= ~flag.linux_bit;
  }
  if (bits != 0 || (rules & walk_rule::scoped) == walk_rule::scoped) return Error::inval;
  return rules;
}

}  // namespace

// Unlike open(2), this call refuses what it does not know.
Result<long> sys_openat2(Context& context, Descriptor directory, UserString path, UserPtr<OpenHow> how_pointer,
                         std::size_t size) {
  const OpenHow how = TRY(read_extensible(how_pointer, size, sizeof(OpenHow)));
  if (how.flags & ~std::uint64_t{o_known}) return Error::inval;
  if (how.mode & ~std::uint64_t{mode::all}) return Error::inval;
  if (how.mode != 0 && !(how.flags & (o_creat | o_tmpfile))) return Error::inval;
  if ((how.flags & o_path) && (how.flags & ~std::uint64_t{o_path | o_directory | o_nofollow | o_cloexec})) return Error::inval;
  const WalkRules rules = TRY(walk_rules_from_linux(how.resolve));
  const unsigned bits = static_cast<unsigned>(how.flags);
  const OpenRequest request{TRY(open_flags_from_linux(bits)), static_cast<Mode>(how.mode)};
  NameArgument name;
  TRY(name.read(context, directory, path));
  NameArgument top;
  if (rules & walk_rule::in_root) TRY(top.use_file(context, directory));  // it counts for an absolute name, too
  const At at{top.at().directory ? top.at().directory : name.at().directory, name.at().name};
  return open_descriptor(context, bits, [&] {
    return rules ? open_by_rules(caller_of(context), at, request, rules) : open_file(caller_of(context), at, request);
  });
}

}  // namespace cv6::linux_abi
