#include "identity.hpp"

#include <grp.h>
#include <pwd.h>

#include <cstdio>
#include <memory>
#include <optional>

#include "failure.hpp"
#include "numbers.hpp"
#include "viewer.hpp"

namespace cv6::box {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

Identity find_user(const std::string& user) {
  const std::optional<std::uint32_t> number = number_in<std::uint32_t>(user);
  const File file(std::fopen("/etc/passwd", "r"), std::fclose);
  while (const passwd* entry = file ? ::fgetpwent(file.get()) : nullptr)
    if (number ? entry->pw_uid == *number : entry->pw_name == user) return {entry->pw_uid, entry->pw_gid};
  if (!number) throw Failure("-u " + user + ": no such user (a number will do)");
  return {*number, 0};
}

std::uint32_t find_group(const std::string& group) {
  if (const auto number = number_in<std::uint32_t>(group)) return *number;
  const File file(std::fopen("/etc/group", "r"), std::fclose);
  while (const ::group* entry = file ? ::fgetgrent(file.get()) : nullptr)
    if (entry->gr_name == group) return entry->gr_gid;
  throw Failure("-u :" + group + ": no such group (a number will do)");
}

}  // namespace

Identity identity_of(const std::string& text, int container) {
  if (text.empty()) return {};
  Viewer viewer;
  viewer.see(container);
  const std::size_t colon = text.find(':');
  Identity identity = find_user(text.substr(0, colon));
  if (colon != std::string::npos) identity.group = find_group(text.substr(colon + 1));
  return identity;
}

}  // namespace cv6::box
