// Files by name, as xv6 programs name them.
#include "abi/xv6/arguments.hpp"
#include "abi/xv6/devices.hpp"
#include "abi/xv6/handlers.hpp"

namespace cv6::xv6_abi {

Result<long> sys_chdir(Context& context, UserString path) {
  NameOf name;
  TRY(name.read(path, NameOf::Empty::working_directory));
  const Caller caller = caller_of(context);
  Path directory = TRY(resolve(caller, name.at(), Follow::yes));
  TRY(check_directory(caller, directory));
  caller.context.set_working_directory(std::move(directory));
  return 0;
}

Result<long> sys_mknod(Context& context, UserString path, int major, int minor) {
  NameOf name;
  TRY(name.read(path));
  const DeviceNumber number = device_number(static_cast<std::int16_t>(major), static_cast<std::int16_t>(minor));
  TRY(make_node(caller_of(context), name.at(), FileType::character_device, 0666, number));
  return 0;
}

Result<long> sys_unlink(Context& context, UserString path) {
  NameOf name;
  TRY(name.read(path));
  const Caller caller = caller_of(context);
  const auto removed = unlink(caller, name.at());
  if (removed) return 0;
  if (removed.error() != Error::isdir) return removed.error();
  TRY(remove_directory(caller, name.at()));
  return 0;
}

Result<long> sys_link(Context& context, UserString from, UserString to) {
  NameOf existing, added;
  TRY(existing.read(from));
  TRY(added.read(to));
  TRY(link(caller_of(context), existing.at(), added.at(), Follow::yes));
  return 0;
}

Result<long> sys_mkdir(Context& context, UserString path) {
  NameOf name;
  TRY(name.read(path));
  TRY(make_directory(caller_of(context), name.at(), 0777));
  return 0;
}

}  // namespace cv6::xv6_abi
