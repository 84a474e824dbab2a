#include "identity.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>

#include "descriptor.hpp"
#include "failure.hpp"
#include "numbers.hpp"
#include "viewer.hpp"

namespace cv6::box {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// A file of the container's, which may have put anything there: only a regular file is read, and only so much of it.
std::string beginning_of(const char* path) {
  constexpr std::size_t most = 1 << 20;
  const Descriptor file = open_unwaiting(path);
  struct stat status;
  if (file < 0 || ::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) return "";
  std::string text(most, '\0');
  std::size_t size = 0;
  for (ssize_t count; size < most && (count = ::read(file, text.data() + size, most - size)) > 0;)
    size += static_cast<std::size_t>(count);
  text.resize(size);
  if (size == most) text.resize(text.rfind('\n') + 1);  // no part of a line
  return text;
}

// To be read like a file; null: there is nothing in it.
File open_text(std::string& text) { return {text.empty() ? nullptr : ::fmemopen(text.data(), text.size(), "r"), std::fclose}; }

Identity find_user(const std::string& user) {
  const std::optional<std::uint32_t> number = number_in<std::uint32_t>(user);
  std::string text = beginning_of("/etc/passwd");
  const File file = open_text(text);
  while (const passwd* entry = file ? ::fgetpwent(file.get()) : nullptr)
    if (number ? entry->pw_uid == *number : entry->pw_name == user) return {entry->pw_uid, entry->pw_gid};
  if (!number) throw Failure("-u " + user + ": no such user (a number will do)");
  return {*number, 0};
}

std::uint32_t find_group(const std::string& group) {
  if (const auto number = number_in<std::uint32_t>(group)) return *number;
  std::string text = beginning_of("/etc/group");
  const File file = open_text(text);
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
