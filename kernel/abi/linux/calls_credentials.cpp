// Who a process is: getuid(2), setresuid(2), getgroups(2), capget(2). The rules are in task/identity.hpp.
//
// There are no capabilities of their own: effective user 0 has all of them, everybody else none, and that is what capget
// says.
#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"
#include "task/identity.hpp"
#include "task/process_tree.hpp"

namespace cv6::linux_abi {
namespace {

const Identities& ids_of(const Context& context) { return context.process.credentials().ids(); }
constexpr NewId unless_minus_one(unsigned id) { return id == ~0u ? std::nullopt : NewId(id); }

constexpr unsigned last_capability = 40;  // CAP_CHECKPOINT_RESTORE
constexpr std::uint64_t all_capabilities = (std::uint64_t{2} << last_capability) - 1;

// How many structures of 32 capabilities each that version has. An unknown one is answered with the newest (capget(2)).
Result<unsigned> capability_words(UserPtr<CapabilityHeader> pointer, CapabilityHeader& header) {
  header = TRY(pointer.read());
  if (header.version == capability_version_1) return 1u;
  if (header.version == capability_version_2 || header.version == capability_version_3) return 2u;
  header.version = capability_version_3;
  TRY(pointer.write(header));
  return Error::inval;
}

}  // namespace

Result<long> sys_getuid(Context& context) { return ids_of(context).user; }
Result<long> sys_geteuid(Context& context) { return ids_of(context).effective_user; }
Result<long> sys_getgid(Context& context) { return ids_of(context).group; }
Result<long> sys_getegid(Context& context) { return ids_of(context).effective_group; }

Result<long> sys_setuid(Context& context, unsigned user) {
  if (user == ~0u) return Error::inval;
  TRY(set_user(context.process, user));
  return 0;
}
Result<long> sys_setgid(Context& context, unsigned group) {
  if (group == ~0u) return Error::inval;
  TRY(set_group(context.process, group));
  return 0;
}
Result<long> sys_setreuid(Context& context, unsigned real, unsigned effective) {
  TRY(set_real_and_effective_user(context.process, unless_minus_one(real), unless_minus_one(effective)));
  return 0;
}
Result<long> sys_setregid(Context& context, unsigned real, unsigned effective) {
  TRY(set_real_and_effective_group(context.process, unless_minus_one(real), unless_minus_one(effective)));
  return 0;
}
Result<long> sys_setresuid(Context& context, unsigned real, unsigned effective, unsigned saved) {
  TRY(set_all_users(context.process, unless_minus_one(real), unless_minus_one(effective), unless_minus_one(saved)));
  return 0;
}
Result<long> sys_setresgid(Context& context, unsigned real, unsigned effective, unsigned saved) {
  TRY(set_all_groups(context.process, unless_minus_one(real), unless_minus_one(effective), unless_minus_one(saved)));
  return 0;
}

Result<long> sys_getresuid(Context& context, UserPtr<unsigned> real, UserPtr<unsigned> effective, UserPtr<unsigned> saved) {
  const Identities& ids = ids_of(context);
  TRY(real.write(ids.user));
  TRY(effective.write(ids.effective_user));
  TRY(saved.write(ids.saved_user));
  return 0;
}
Result<long> sys_getresgid(Context& context, UserPtr<unsigned> real, UserPtr<unsigned> effective, UserPtr<unsigned> saved) {
  const Identities& ids = ids_of(context);
  TRY(real.write(ids.group));
  TRY(effective.write(ids.effective_group));
  TRY(saved.write(ids.saved_group));
  return 0;
}

Result<long> sys_setfsuid(Context& context, unsigned user) { return set_file_user(context.process, user); }
Result<long> sys_setfsgid(Context& context, unsigned group) { return set_file_group(context.process, group); }

Result<long> sys_getgroups(Context& context, int count, UserPtr<unsigned> groups) {
  const auto own = context.process.credentials().supplementary_groups();
  if (count < 0) return Error::inval;
  if (count != 0) {
    if (static_cast<std::size_t>(count) < own.size()) return Error::inval;
    TRY(groups.write_array(own));
  }
  return static_cast<long>(own.size());
}

Result<long> sys_setgroups(Context& context, int count, UserPtr<unsigned> pointer) {
  if (!context.process.credentials().privileged()) return Error::perm;
  if (static_cast<unsigned>(count) > GroupSet::maximum) return Error::inval;
  Vector<std::uint32_t> groups;
  TRY(groups.resize(static_cast<std::size_t>(count)));
  TRY(pointer.read_array(groups));
  TRY(set_supplementary_groups(context.process, groups));
  return 0;
}

Result<long> sys_capget(Context& context, UserPtr<CapabilityHeader> header_pointer, UserPtr<CapabilityData> pointer) {
  CapabilityHeader header;
  const auto words = capability_words(header_pointer, header);
  // Without a place for the answer the call only asks for the version.
  if (!words) return pointer || words.error() == Error::fault ? Result<long>(words.error()) : Result<long>(0);
  if (header.pid < 0) return Error::inval;
  Ref<const Credentials> credentials(&context.process.credentials());
  if (header.pid != 0) credentials = TRY(find_thread(context.container, header.pid))->process().hold_credentials();
  if (!credentials) return Error::srch;
  const std::uint64_t has = credentials->privileged() ? all_capabilities : 0;
  const std::uint64_t may_have = credentials->ids().saved_user == 0 || credentials->ids().user == 0 ? all_capabilities : has;
  CapabilityData data[2];
  for (unsigned word = 0; word < 2; ++word)
    data[word] = {static_cast<std::uint32_t>(has >> 32 * word), static_cast<std::uint32_t>(may_have >> 32 * word), 0};
  TRY(pointer.write_array({data, *words}));
  return 0;
}

// Keeping what one has is fine; capabilities are not given up or taken one by one.
Result<long> sys_capset(Context& context, UserPtr<CapabilityHeader> header_pointer, UserPtr<CapabilityData> pointer) {
  CapabilityHeader header;
  const unsigned words = TRY(capability_words(header_pointer, header));
  if (header.pid != 0 && header.pid != context.thread.number()) return Error::perm;
  CapabilityData data[2] = {};
  TRY(pointer.read_array({data, words}));
  const std::uint64_t wanted = data[0].effective | std::uint64_t{data[1].effective} << 32;
  const std::uint64_t has = context.process.credentials().privileged() ? all_capabilities : 0;
  return (wanted & all_capabilities) == has ? Result<long>(0) : Error::perm;
}

}  // namespace cv6::linux_abi
