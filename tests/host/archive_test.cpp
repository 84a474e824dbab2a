// The archives that cv6-image and --add write, read back by libarchive and by GNU cpio.
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>

#include "common/files.hpp"
#include "image/archive_writer.hpp"
#include "image/manifest.hpp"
#include "image/tree.hpp"
#include "run/additions.hpp"

namespace cv6::host {
namespace {

namespace fs = std::filesystem;

struct Entry {
  mode_t mode = 0;
  std::string data;
  std::string link;  // target of a symbolic or hard link
  time_t modified = 0;
};

class Archive : public testing::Test {
 protected:
  void SetUp() override {
    auto scratch = ScratchFolder::create();
    ASSERT_TRUE(scratch);
    scratch_.emplace(std::move(*scratch));
  }

  fs::path path(const std::string& name) const { return scratch_->path() / name; }

  fs::path make_file(const std::string& name, const std::string& data) const {
    fs::create_directories(path(name).parent_path());
    std::ofstream(path(name), std::ios::binary) << data;
    return path(name);
  }

  void write(const std::function<void(ArchiveWriter&)>& fill, const std::string& name = "out.cpio") const {
    const auto file = create_file(path(name));
    ASSERT_TRUE(file);
    ArchiveWriter archive(file->number(), path(name), 0);
    fill(archive);
    ASSERT_TRUE(archive.finish());
  }

  std::map<std::string, Entry> read(const std::string& name = "out.cpio") const {
    const std::unique_ptr<::archive, decltype(&archive_read_free)> reader(archive_read_new(), archive_read_free);
    archive_read_support_format_cpio(reader.get());
    EXPECT_EQ(archive_read_open_filename(reader.get(), path(name).c_str(), 10240), ARCHIVE_OK);
    std::map<std::string, Entry> entries;
    archive_entry* entry = nullptr;
    while (archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
      Entry& it = entries[archive_entry_pathname(entry)];
      it.mode = archive_entry_mode(entry);
      it.modified = archive_entry_mtime(entry);
      if (const char* link = archive_entry_symlink(entry)) it.link = link;
      if (const char* link = archive_entry_hardlink(entry)) it.link = link;
      if (archive_entry_filetype(entry) != AE_IFREG) continue;
      it.data.resize(static_cast<std::size_t>(archive_entry_size(entry)));
      EXPECT_EQ(archive_read_data(reader.get(), it.data.data(), it.data.size()), std::ssize(it.data));
    }
    return entries;
  }

  std::string bytes(const std::string& name = "out.cpio") const { return read_text(path(name)).value_or(""); }

  std::optional<ScratchFolder> scratch_;
};

// A headers' field, as cpio(5) counts them from 0 behind the magic number.
std::uint32_t field(const std::string& archive, std::size_t header, int index) {
  return static_cast<std::uint32_t>(
      std::stoul(archive.substr(header + 6 + 8 * static_cast<std::size_t>(index), 8), nullptr, 16));
}

// The positions of all file data, by walking the headers as a kernel does.
std::map<std::string, std::size_t> data_positions(const std::string& archive) {
  std::map<std::string, std::size_t> positions;
  const auto round = [](std::size_t value) { return (value + 3) & ~std::size_t{3}; };
  for (std::size_t at = 0; at + 110 < archive.size();) {
    EXPECT_EQ(archive.substr(at, 6), "070701");
    const std::uint32_t size = field(archive, at, 6);
    const std::uint32_t name_size = field(archive, at, 11);
    EXPECT_LE(name_size, 4096u);
    EXPECT_EQ(archive[at + 110 + name_size - 1], '\0');
    const std::string name = archive.c_str() + at + 110;
    if (name == "TRAILER!!!") break;
    const std::size_t data = round(at + 110 + name_size);
    if (size > 0 && (field(archive, at, 1) & S_IFMT) == S_IFREG) positions[name] = data;
    at = round(data + size);
  }
  return positions;
}

TEST_F(Archive, KeepsKindsModesTimesAndData) {
  const fs::path source = make_file("data", "hello");
  write([&](ArchiveWriter& archive) {
    ASSERT_TRUE(archive.folder("/tmp", {.permissions = 01777, .modified = 7}));
    ASSERT_TRUE(archive.file("/bin/tool", source, {.permissions = 04755, .modified = 8}));
    ASSERT_TRUE(archive.symbolic_link("/link", "bin/tool", {.modified = 9}));
  });
  const auto entries = read();
  EXPECT_EQ(entries.at("tmp").mode, mode_t{S_IFDIR | 01777});
  EXPECT_EQ(entries.at("tmp").modified, 7);
  EXPECT_EQ(entries.at("bin").mode, mode_t{S_IFDIR | 0755}) << "a parent that nobody named";
  EXPECT_EQ(entries.at("bin/tool").mode, mode_t{S_IFREG | 04755});
  EXPECT_EQ(entries.at("bin/tool").data, "hello");
  EXPECT_EQ(entries.at("link").link, "bin/tool");
}

TEST_F(Archive, PutsDataAtPagesWhateverTheLengths) {
  std::vector<std::string> names;
  write([&](ArchiveWriter& archive) {
    for (int i = 0; i < 300; ++i) {
      const std::string name = "f" + std::string(static_cast<std::size_t>(i % 200), 'x') + std::to_string(i);
      const fs::path source = make_file("src", std::string(static_cast<std::size_t>(1 + i * 37 % 9000), 'd'));
      ASSERT_TRUE(archive.file("/" + name, source, {}));
      names.push_back(name);
    }
  });
  const auto positions = data_positions(bytes());
  ASSERT_EQ(positions.size(), names.size());
  for (const auto& [name, position] : positions) EXPECT_EQ(position % 4096, 0u) << name;
  EXPECT_EQ(bytes().size() % 4096, 0u);
}

TEST_F(Archive, FillsGapsThatNoNameMayFill) {
  // With every remainder of a page before the header, the gap is sometimes too large for one name.
  const fs::path source = make_file("src", "x");
  write([&](ArchiveWriter& archive) {
    for (int i = 0; i < 1200; ++i) {
      ASSERT_TRUE(
          archive.symbolic_link("/l" + std::to_string(i), std::string(static_cast<std::size_t>(i % 61 * 4), 't'), {}));
      if (i % 3 == 0) ASSERT_TRUE(archive.file("/f" + std::to_string(i) + std::string(200, 'n'), source, {}));
    }
  });
  for (const auto& [name, position] : data_positions(bytes())) EXPECT_EQ(position % 4096, 0u) << name;
  EXPECT_EQ(read().size(), 1200u + 400u + read().count("."));
}

TEST_F(Archive, EmptyFilesTakeNoPage) {
  const fs::path source = make_file("src", "");
  write([&](ArchiveWriter& archive) {
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(archive.file("/e" + std::to_string(i), source, {}));
  });
  EXPECT_EQ(bytes().size(), 4096u);
  EXPECT_EQ(read().size(), 10u);
}

TEST_F(Archive, HardLinksCarryTheDataOnce) {
  const fs::path source = make_file("src", std::string(10000, 'b'));
  write([&](ArchiveWriter& archive) {
    const SharedInode inode{.number = archive.new_inode(), .names = 3};
    ASSERT_TRUE(archive.file("/bin/busybox", source, {.permissions = 0755}, inode));
    for (const char* name : {"/bin/ls", "/bin/ps"}) ASSERT_TRUE(archive.hard_link(name, inode, {.permissions = 0755}));
  });
  EXPECT_LT(bytes().size(), 20000u);
  fs::create_directory(path("unpacked"));
  const std::string command = "cd " + path("unpacked").string() + " && cpio -idm --quiet < ../out.cpio";
  ASSERT_EQ(std::system(command.c_str()), 0);
  struct stat status{};
  ASSERT_EQ(::stat(path("unpacked/bin/ps").c_str(), &status), 0);
  EXPECT_EQ(status.st_nlink, 3u);
  EXPECT_EQ(status.st_size, 10000);
}

TEST_F(Archive, IsTheSameForTheSameInput) {
  const fs::path source = make_file("src", "same");
  const auto fill = [&](ArchiveWriter& archive) { ASSERT_TRUE(archive.file("/a/b/c", source, {.modified = 5})); };
  write(fill, "one.cpio");
  write(fill, "two.cpio");
  EXPECT_EQ(bytes("one.cpio"), bytes("two.cpio"));
}

TEST_F(Archive, TreeKeepsLinksOfBothKinds) {
  make_file("tree/sub/file", "data");
  fs::create_hard_link(path("tree/sub/file"), path("tree/other"));
  fs::create_symlink("sub/file", path("tree/soft"));
  fs::permissions(path("tree/sub"), fs::perms::owner_all);
  write([&](ArchiveWriter& archive) { ASSERT_TRUE(add_tree(archive, path("tree"), "/opt/tree")); });
  const auto entries = read();
  EXPECT_EQ(entries.at("opt/tree/soft").link, "sub/file");
  EXPECT_EQ(entries.at("opt/tree/sub").mode, mode_t{S_IFDIR | 0700});
  const bool first_has_data = entries.at("opt/tree/other").data == "data";
  EXPECT_TRUE(first_has_data);
  EXPECT_EQ(entries.at("opt/tree/sub/file").link, "opt/tree/other");
}

TEST_F(Archive, SaysWhichFileIsMissing) {
  write([&](ArchiveWriter& archive) {
    const auto added = add_tree(archive, path("nowhere"), "/nowhere");
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().text, path("nowhere").string() + ": No such file or directory");
  });
}

TEST_F(Archive, ManifestNamesTheLineThatIsWrong) {
  make_file("manifest", "# comment\nfolder /a 755\nnonsense\n");
  write([&](ArchiveWriter& archive) {
    const auto added = add_manifest(archive, path("manifest"), 0);
    ASSERT_FALSE(added);
    EXPECT_NE(added.error().text.find("manifest:3: "), std::string::npos) << added.error().text;
  });
}

TEST_F(Archive, ManifestMakesApplets) {
  make_file("busybox", "program");
  make_file("applets", "bin/ls\nusr/bin/top\nsbin/init\nlinuxrc\n");
  make_file("manifest", "applets /bin/busybox 755 " + path("busybox").string() + " " + path("applets").string() + "\n" +
                            "optional file /none 644 " + path("missing").string() + "\n");
  write([&](ArchiveWriter& archive) { ASSERT_TRUE(add_manifest(archive, path("manifest"), 3)); });
  const auto entries = read();
  EXPECT_EQ(entries.at("usr/bin/top").link, "bin/busybox");
  EXPECT_FALSE(entries.contains("sbin/init")) << "cv6 has its own";
  EXPECT_FALSE(entries.contains("none"));
}

TEST_F(Archive, ManifestMakesDevices) {
  make_file("manifest", "device /x/console 620 242 1\n");
  write([&](ArchiveWriter& archive) { ASSERT_TRUE(add_manifest(archive, path("manifest"), 3)); });
  EXPECT_EQ(read().at("x/console").mode, static_cast<mode_t>(S_IFCHR | 0620));
  for (const char* wrong : {"device /c 620 242", "device /c 620 5000 1", "device /c 620 x 1", "device /c 999 1 1"}) {
    make_file("manifest", wrong);
    write([&](ArchiveWriter& archive) { EXPECT_FALSE(add_manifest(archive, path("manifest"), 3)) << wrong; }, "other.cpio");
  }
}

TEST_F(Archive, AdditionsFollowAndLeaveFoldersAsTheyWere) {
  const fs::path source = make_file("mine", "my program");
  write([&](ArchiveWriter& archive) { ASSERT_TRUE(archive.folder("/tmp", {.permissions = 01777})); }, "base.cpio");
  ASSERT_TRUE(write_image_with({{source, "/tmp/mine"}, {source, "/new/mine"}}, path("base.cpio"), path("both.cpio")));
  const std::string both = bytes("both.cpio");
  const std::size_t base_size = bytes("base.cpio").size();
  ASSERT_EQ(base_size % 4096, 0u);
  const auto positions = data_positions(both.substr(base_size));
  EXPECT_TRUE(positions.contains("tmp/mine"));
  EXPECT_EQ(both.substr(base_size).find(std::string("tmp\0", 4)), std::string::npos) << "the folder is not made again";
  EXPECT_NE(both.substr(base_size).find(std::string("new\0", 4)), std::string::npos);
}

}  // namespace
}  // namespace cv6::host
