#include "common/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <system_error>

namespace cv6::host {

void Descriptor::close() {
  if (number_ >= 0) ::close(number_);
  number_ = -1;
}

Outcome<ScratchFolder> ScratchFolder::create() {
  const char* parent = std::getenv("TMPDIR");
  std::string pattern = std::string(parent && *parent ? parent : "/tmp") + "/cv6-XXXXXX";
  if (!::mkdtemp(pattern.data())) return system_failure(pattern);
  return ScratchFolder(pattern);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;  // A scratch folder that cannot be removed harms nobody.
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Outcome<Descriptor> open_to_read(const std::filesystem::path& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open()) return system_failure(path);
  return file;
}

Outcome<Descriptor> create_file(const std::filesystem::path& path) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file.open()) return system_failure(path);
  return file;
}

bool write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(descriptor, bytes.data(), bytes.size());
    if (done < 0 && errno != EINTR) return false;
    if (done > 0) bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return true;
}

bool write_all(int descriptor, std::string_view text) { return write_all(descriptor, std::as_bytes(std::span(text))); }

ssize_t read_full(int descriptor, std::span<std::byte> bytes) {
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = ::read(descriptor, bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(have);
}

Outcome<> append_file(int to, const std::filesystem::path& name_of_to, const std::filesystem::path& from) {
  const Descriptor file = CV6_TRY(open_to_read(from));
  std::array<std::byte, 65536> block;
  while (true) {
    const ssize_t got = read_full(file.number(), block);
    if (got < 0) return system_failure(from);
    if (got == 0) return {};
    if (!write_all(to, std::span(block).first(static_cast<std::size_t>(got)))) return system_failure(name_of_to);
  }
}

Outcome<std::string> read_text(const std::filesystem::path& path) {
  const Descriptor file = CV6_TRY(open_to_read(path));
  std::string text;
  std::array<std::byte, 65536> block;
  while (true) {
    const ssize_t got = read_full(file.number(), block);
    if (got < 0) return system_failure(path);
    if (got == 0) return text;
    text.append(reinterpret_cast<const char*>(block.data()), static_cast<std::size_t>(got));
  }
}

}  // namespace cv6::host
