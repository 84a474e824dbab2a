// A tree of files for tests of fs/: a tmpfs as root, and calls on it as a program would make them, with errors as values.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "fs/anonymous.hpp"
#include "fs/operations.hpp"
#include "fs/tmpfs.hpp"
#include "support/machine.hpp"

namespace cv6::test {

inline std::optional<Error> error_of(const auto& result) {
  return result ? std::nullopt : std::optional<Error>(result.error());
}

// One root with whoever acts there.
class Tree {
 public:
  explicit Tree(Path root) : root_(root), context_(*FsContext::create(root, root)) {}
  static Tree on_tmpfs(GuestMemory& owner = GuestMemory::host()) {
    Ref<Dentry> root = *tmpfs::create(Ref<GuestMemory>(&owner), {.mode = 0755});
    Ref<Mount> mount = *Mount::create_tree(root, "test");
    return Tree(Path{mount, root});
  }

  const Path& root() const { return root_; }
  FsContext& context() { return *context_; }
  Caller caller() { return {*context_, *credentials_}; }
  void act_as(std::uint32_t user, std::uint32_t group) {
    Identities ids;
    ids.user = ids.effective_user = ids.saved_user = ids.file_user = user;
    ids.group = ids.effective_group = ids.saved_group = ids.file_group = group;
    credentials_ = *Credentials::create(ids, {});
  }
  void act_as_root() { credentials_ = Ref<const Credentials>(&Credentials::root()); }

  At at(std::string_view name) { return {nullptr, name}; }
  Result<Ref<File>> open(std::string_view name, OpenFlags flags, Mode mode = 0644) {
    return open_file(caller(), at(name), {flags, mode});
  }
  Result<Path> find(std::string_view name, Follow follow = Follow::yes) { return resolve(caller(), at(name), follow); }
  Result<void> mkdir(std::string_view name, Mode mode = 0755) { return make_directory(caller(), at(name), mode); }
  Result<void> symlink(std::string_view target, std::string_view name) { return make_symlink(caller(), target, at(name)); }
  Result<void> link(std::string_view from, std::string_view to) {
    return cv6::link(caller(), at(from), at(to), Follow::no);
  }
  Result<void> unlink(std::string_view name) { return cv6::unlink(caller(), at(name)); }
  Result<void> rmdir(std::string_view name) { return remove_directory(caller(), at(name)); }
  Result<void> rename(std::string_view from, std::string_view to, RenameMode mode = RenameMode::replace) {
    return cv6::rename(caller(), at(from), at(to), mode);
  }
  Result<void> chmod(std::string_view name, Mode mode) {
    const Result<Path> path = find(name);
    return path ? change_mode(caller(), *path, mode) : Result<void>(path.error());
  }
  std::optional<FileStatus> stat(std::string_view name, Follow follow = Follow::yes) {
    const Result<Path> path = find(name, follow);
    return path ? std::optional(status_of(*path)) : std::nullopt;
  }

  // The whole contents; creates. For set-up: fails the test on errors.
  void put(std::string_view name, std::string_view text) {
    const Result<Ref<File>> file = open(name, open_flag::write | open_flag::create | open_flag::truncate);
    ASSERT_TRUE(file) << name << " " << static_cast<int>(file.error());
    IoBuffer from = IoBuffer::kernel(std::span(text));
    ASSERT_EQ(*(*file)->write(from), text.size());
  }
  std::optional<std::string> get(std::string_view name) {
    const Result<Ref<File>> file = open(name, open_flag::read);
    if (!file) return std::nullopt;
    return read_all(**file);
  }
  static std::string read_all(File& file) {
    std::string text(file.inode().size() + 1, '\0');
    IoBuffer to = IoBuffer::kernel(std::span(text));
    const Result<std::size_t> count = file.read_at(to, 0);
    text.resize(count ? *count : 0);
    return text;
  }
  std::string link_text(std::string_view name) {
    const Result<Path> path = find(name, Follow::no);
    char text[path_max];
    const Result<std::size_t> size = path ? read_link(*path, text) : Result<std::size_t>(path.error());
    return size ? std::string(text, *size) : std::string("(error)");
  }
  struct Listed {
    std::string name;
    std::uint64_t number;
    FileType type;
  };
  std::vector<Listed> list(std::string_view name) {
    struct Sink final : DirectorySink {
      bool entry(std::string_view name, std::uint64_t number, FileType type, std::uint64_t) override {
        listed.push_back({std::string(name), number, type});
        return true;
      }
      std::vector<Listed> listed;
    } sink;
    const Result<Ref<File>> directory = open(name, open_flag::read);
    if (directory) EXPECT_TRUE((*directory)->read_directory(sink));
    std::erase_if(sink.listed, [](const Listed& entry) { return entry.name == "." || entry.name == ".."; });
    return sink.listed;
  }
  std::vector<std::string> names(std::string_view name) {
    std::vector<std::string> names;
    for (const Listed& entry : list(name)) names.push_back(entry.name);
    std::sort(names.begin(), names.end());
    return names;
  }
  // Everything below, as text: one line a name, with kind, mode, owner, links, size and contents.
  std::string describe(const std::string& directory = "") {
    std::string text, last;
    for (const std::string& name : names(directory.empty() ? "/" : directory)) {
      const std::string path = directory + "/" + name;
      if (name == last) text += path + " (listed twice, not there)\n";
      last = name;
      const std::optional<FileStatus> status = stat(path, Follow::no);
      text += path;
      if (!status) {
        text += " (listed, but not there)\n";
        continue;
      }
      text += " type " + std::to_string(static_cast<int>(status->type)) + " mode " + std::to_string(status->mode) +
              " owner " + std::to_string(status->user) + " links " + std::to_string(status->links);
      if (status->type == FileType::regular) text += " size " + std::to_string(status->size) + " " + *get(path);
      if (status->type == FileType::symlink) text += " -> " + link_text(path);
      text += "\n";
      if (status->type == FileType::directory) text += describe(path);
    }
    return text;
  }

 private:
  Path root_;
  Ref<FsContext> context_;
  Ref<const Credentials> credentials_{&Credentials::root()};
};

// Nothing may be left of a test's files: no object, no page, no cached name.
class FsTest : public MachineTest {
 protected:
  void SetUp() override {
    start_machine();
    ASSERT_TRUE(anonymous::initialise());
    MachineTest::SetUp();
  }
};

}  // namespace cv6::test
