#include "run/fetch.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <format>
#include <memory>

#include "protocol/protocol.hpp"
#include "run/control.hpp"

namespace cv6::host {
namespace {

using Reader = std::unique_ptr<archive, decltype(&archive_read_free)>;
using Writer = std::unique_ptr<archive, decltype(&archive_write_free)>;

// The archive of one file or folder, as libarchive reads it: piece by piece, until the guest says that it ends.
class Incoming {
 public:
  explicit Incoming(int socket) : socket_(socket) {}

  static la_ssize_t read(archive* reader, void* self, const void** bytes) {
    return static_cast<Incoming*>(self)->next(reader, bytes);
  }

  // Takes what is left, so that the next one can begin.
  void skip_rest() {
    const void* ignored = nullptr;
    while (!ended_) next(nullptr, &ignored);
  }

  [[nodiscard]] int guest_error() const { return guest_error_; }

 private:
  la_ssize_t next(archive* reader, const void** bytes) {
    if (ended_) return 0;
    protocol::Type type{};
    if (receive_frame(socket_, type, piece_) && type == protocol::Type::file_data) {
      *bytes = piece_.data();
      return static_cast<la_ssize_t>(piece_.size());
    }
    ended_ = true;
    protocol::FileEnd end{};
    if (type == protocol::Type::file_end && protocol::decode(piece_, end)) {
      guest_error_ = static_cast<int>(end.error);
      return 0;
    }
    guest_error_ = EPIPE;
    if (reader) archive_set_error(reader, EPIPE, "the machine ended before all had come");
    return -1;
  }

  int socket_;
  std::string piece_;
  bool ended_ = false;
  int guest_error_ = 0;
};

// `name` as the guest sent it begins with the name that the guest knows; the user may have chosen another one.
std::string renamed(const std::string& name, const std::string& from, const std::string& to) {
  if (name == from) return to;
  return name.starts_with(from + "/") ? to + name.substr(from.size()) : name;
}

void rename_entry(archive_entry* entry, const std::string& from, const std::string& to) {
  archive_entry_set_pathname(entry, renamed(archive_entry_pathname(entry), from, to).c_str());
  if (const char* target = archive_entry_hardlink(entry)) {
    archive_entry_set_hardlink(entry, renamed(target, from, to).c_str());
  }
}

// What libarchive says, and what the system said to it.
Outcome<> archive_failure(archive* which) {
  const char* text = archive_error_string(which);
  const int error = archive_errno(which);
  if (error <= 0) return failure("{}", text ? text : "not an archive");
  return failure("{}: {}", text ? text : "no archive", std::strerror(error));
}

// Anything there is replaced, but not a file by a folder: that cannot be what was meant.
Outcome<> check_place(archive_entry* entry) {
  std::string name = archive_entry_pathname(entry);
  while (name.ends_with('/')) name.pop_back();
  const std::filesystem::path place = name;
  std::error_code error;
  const bool other = std::filesystem::exists(place, error) && !std::filesystem::is_directory(place, error);
  if (archive_entry_filetype(entry) == AE_IFDIR && !place.has_parent_path() && other)
    return failure("it is a folder, and {} is not", std::filesystem::absolute(place, error).string());
  return {};
}

Outcome<> copy_data(archive* reader, archive* writer) {
  const void* block = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  while (true) {
    const int result = archive_read_data_block(reader, &block, &size, &offset);
    if (result == ARCHIVE_EOF) return {};
    if (result < ARCHIVE_WARN) return archive_failure(reader);
    if (archive_write_data_block(writer, block, size, offset) < ARCHIVE_WARN) {
      return archive_failure(writer);
    }
  }
}

// Unpacks into the working folder. No error for an archive without anything in it: the guest says why that is.
Outcome<> unpack(Incoming& incoming, const std::string& from, const std::string& to) {
  const Reader reader(archive_read_new(), archive_read_free);
  const Writer writer(archive_write_disk_new(), archive_write_free);
  archive_read_support_format_tar(reader.get());
  archive_read_support_format_empty(reader.get());
  archive_write_disk_set_options(writer.get(), ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_UNLINK |
                                                   ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                                                   ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS);
  if (archive_read_open(reader.get(), &incoming, nullptr, Incoming::read, nullptr) != ARCHIVE_OK) {
    return archive_failure(reader.get());
  }
  archive_entry* entry = nullptr;
  while (true) {
    const int result = archive_read_next_header(reader.get(), &entry);
    if (result == ARCHIVE_EOF) break;
    if (result < ARCHIVE_WARN) return archive_failure(reader.get());
    rename_entry(entry, from, to);
    CV6_CHECK(check_place(entry));
    if (archive_write_header(writer.get(), entry) < ARCHIVE_WARN)
      return archive_failure(writer.get());
    CV6_CHECK(copy_data(reader.get(), writer.get()));
    if (archive_write_finish_entry(writer.get()) < ARCHIVE_WARN)
      return archive_failure(writer.get());
  }
  if (archive_write_close(writer.get()) != ARCHIVE_OK) return archive_failure(writer.get());
  return {};
}

Outcome<> receive_one(int socket, const Fetch& fetch) {
  const std::filesystem::path host = fetch.host_path;
  Incoming incoming(socket);
  Outcome<> done = {};
  if (::chdir(host.parent_path().c_str()) != 0) {
    done = system_failure(host.parent_path());
  } else {
    done = unpack(incoming, std::filesystem::path(fetch.guest_path).filename(), host.filename());
  }
  incoming.skip_rest();
  if (incoming.guest_error() != 0) return failure("{}", std::strerror(incoming.guest_error()));
  return done;
}

}  // namespace

std::vector<std::string> receive_files(int socket, const std::vector<Fetch>& fetches) {
  std::vector<std::string> complaints;
  if (::unshare(CLONE_FS) != 0) return {std::format("--get: {}", std::strerror(errno))};
  for (const Fetch& fetch : fetches) {
    const Outcome<> done = receive_one(socket, fetch);
    if (!done) complaints.push_back(std::format("--get {}: {}", fetch.guest_path, done.error().text));
  }
  return complaints;
}

}  // namespace cv6::host
