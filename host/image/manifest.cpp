#include "image/manifest.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
#include <string>
#include <vector>

namespace cv6::host {
namespace {

using Words = std::vector<std::string>;

// Names that busybox offers and cv6 has its own of, or that only make sense as the kernel's first program.
constexpr std::array left_out = {"/sbin/init", "/linuxrc", "/bin/busybox"};

Words words_of(const std::string& line) {
  std::istringstream input(line.substr(0, line.find('#')));
  Words words;
  for (std::string word; input >> word;) words.push_back(word);
  return words;
}

Outcome<std::uint32_t> number_of(const std::string& text, int base, std::uint32_t most, const char* what) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || *end != '\0' || number > most) return failure("{}: not a {}", text, what);
  return number;
}

Outcome<std::uint32_t> mode_of(const std::string& text) { return number_of(text, 8, 07777, "mode"); }

Outcome<Words> applet_names(const std::string& list) {
  std::istringstream lines(CV6_TRY(read_text(list)));
  Words names;
  for (std::string name; std::getline(lines, name);) {
    if (!name.starts_with('/')) name.insert(0, "/");
    if (name != "/" && !std::ranges::contains(left_out, name)) names.push_back(name);
  }
  return names;
}

Outcome<> add_applets(ArchiveWriter& archive, const Words& words, Attributes attributes) {
  const Words names = CV6_TRY(applet_names(words[4]));
  const SharedInode inode{.number = archive.new_inode(), .names = static_cast<std::uint32_t>(names.size() + 1)};
  CV6_CHECK(archive.file(words[1], words[3], attributes, inode));
  for (const std::string& name : names) CV6_CHECK(archive.hard_link(name, inode, attributes));
  return {};
}

Outcome<> add_device(ArchiveWriter& archive, const Words& words, Attributes attributes) {
  const std::uint32_t major = CV6_TRY(number_of(words[3], 10, 4095, "device's major number"));
  const std::uint32_t minor = CV6_TRY(number_of(words[4], 10, 0xfffff, "device's minor number"));
  return archive.device_node(words[1], S_IFCHR, makedev(major, minor), attributes);
}

Outcome<> add_line(ArchiveWriter& archive, Words words, std::uint32_t modified) {
  if (words[0] == "optional") {
    words.erase(words.begin());
    if (words.size() < 4 || !std::filesystem::exists(words[3])) return {};
  }
  const std::string& kind = words[0];
  Attributes attributes{.permissions = 0777, .modified = modified};
  if (kind == "symlink" && words.size() == 3) return archive.symbolic_link(words[1], words[2], attributes);
  if (words.size() > 2) attributes.permissions = CV6_TRY(mode_of(words[2]));
  if (kind == "folder" && words.size() == 3) return archive.folder(words[1], attributes);
  if (kind == "file" && words.size() == 4) return archive.file(words[1], words[3], attributes);
  if (kind == "device" && words.size() == 5) return add_device(archive, words, attributes);
  if (kind == "applets" && words.size() == 5) return add_applets(archive, words, attributes);
  return failure("not a line of a manifest: {} ...", kind);
}

}  // namespace

Outcome<> add_manifest(ArchiveWriter& archive, const std::filesystem::path& manifest, std::uint32_t modified) {
  std::istringstream lines(CV6_TRY(read_text(manifest)));
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    Words words = words_of(line);
    if (words.empty()) continue;
    const Outcome<> added = add_line(archive, std::move(words), modified);
    if (!added) return failure("{}:{}: {}", manifest.string(), number, added.error().text);
  }
  return {};
}

}  // namespace cv6::host
