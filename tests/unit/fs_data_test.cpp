// Contents of files at random against plain bytes; directories while they are listed; pipes; locks; made-up files.
#include <deque>

#include "fs/device.hpp"
#include "fs/file_locks.hpp"
#include "fs/pipe.hpp"
#include "fs/random.hpp"
#include "fs/synthetic.hpp"
#include "fs_support.hpp"

namespace cv6 {
namespace {

using test::error_of;
using test::Tree;
using DataTest = test::FsTest;

Result<std::size_t> write_at(File& file, std::uint64_t offset, std::string_view text) {
  IoBuffer from = IoBuffer::kernel(std::span(text));
  return file.write_at(from, offset);
}
std::string read_at(File& file, std::uint64_t offset, std::size_t size) {
  std::string text(size, '\0');
  IoBuffer to = IoBuffer::kernel(std::span(text));
  const Result<std::size_t> count = file.read_at(to, offset);
  text.resize(count ? *count : 0);
  return text;
}

TEST_F(DataTest, FilesAreBytes) {
  constexpr std::uint64_t room = 10 * page_size;
  std::mt19937 random(7);
  Tree tree = Tree::on_tmpfs();
  const Ref<File> file = *tree.open("/f", open_flag::read | open_flag::write | open_flag::create);
  std::string model;
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t offset = random() % room;
    const std::uint64_t length = 1 + random() % (3 * page_size);
    switch (random() % 6) {
      case 0: {
        const std::string text(length, static_cast<char>('a' + random() % 26));
        ASSERT_EQ(*write_at(*file, offset, text), length);
        if (model.size() < offset + length) model.resize(offset + length, '\0');
        model.replace(offset, length, text);
        break;
      }
      case 1:
        ASSERT_TRUE(file->truncate(offset));
        model.resize(offset, '\0');
        break;
      case 2:
        ASSERT_TRUE(file->allocate(Allocate::punch_hole, offset, length));
        for (std::uint64_t at = offset; at < offset + length && at < model.size(); ++at) model[at] = '\0';
        break;
      case 3:
        ASSERT_TRUE(file->allocate(Allocate::zero_range, offset, length));
        if (model.size() < offset + length) model.resize(offset + length, '\0');
        for (std::uint64_t at = offset; at < offset + length; ++at) model[at] = '\0';
        break;
      case 4: ASSERT_TRUE(file->allocate(Allocate::keep_size, offset, length)); break;
      default: {
        const Result<std::uint64_t> data = file->seek(static_cast<std::int64_t>(offset), Seek::data);
        const std::uint64_t end = data ? *data : model.size();
        for (std::uint64_t at = offset; at < end && at < model.size(); ++at) ASSERT_EQ(model[at], '\0');
        if (offset >= model.size()) ASSERT_EQ(error_of(data), Error::nxio);
        break;
      }
    }
    ASSERT_EQ(file->inode().size(), model.size());
    const std::string expected = offset < model.size() ? model.substr(offset, length) : "";
    ASSERT_EQ(read_at(*file, offset, length), expected) << i;
  }
  ASSERT_EQ(Tree::read_all(*file), model);
}

TEST_F(DataTest, SparseFilesHaveDataAndHoles) {
  Tree tree = Tree::on_tmpfs();
  const Ref<File> file = *tree.open("/f", open_flag::read | open_flag::write | open_flag::create);
  ASSERT_TRUE(write_at(*file, 5 * page_size, "data"));
  EXPECT_EQ(*file->seek(0, Seek::hole), 0u);
  EXPECT_EQ(*file->seek(0, Seek::data), 5 * page_size);
  EXPECT_EQ(*file->seek(5 * page_size, Seek::hole), 5 * page_size + 4);
  EXPECT_EQ(error_of(file->seek(6 * page_size, Seek::data)), Error::nxio);
  EXPECT_EQ(file->status().blocks, 8u);
  EXPECT_EQ(error_of(file->seek(-1, Seek::set)), Error::inval);
  EXPECT_EQ(*file->seek(-4, Seek::end), 5 * page_size);
}

TEST_F(DataTest, WritesStopAtLimits) {
  Tree tree = Tree::on_tmpfs();
  const Ref<File> file = *tree.open("/f", open_flag::write | open_flag::create | open_flag::append);
  IoBuffer from = IoBuffer::kernel(std::span(std::string_view("0123456789")));
  EXPECT_EQ(*file->write(from, 6), 6u);
  IoBuffer more = IoBuffer::kernel(std::span(std::string_view("x")));
  EXPECT_EQ(error_of(file->write(more, 6)), Error::fbig);
  EXPECT_EQ(error_of(file->truncate(7, 6)), Error::fbig);
  EXPECT_EQ(error_of(file->read(more)), Error::badf);
}

TEST_F(DataTest, AFullMemoryIsNoSpace) {
  const Ref<GuestMemory> memory = *GuestMemory::create(GuestMemory::host(), 64);
  Tree tree = Tree::on_tmpfs(*memory);
  const Ref<File> file = *tree.open("/f", open_flag::read | open_flag::write | open_flag::create);
  const std::string text(100 * page_size, 'x');
  const std::size_t written = *write_at(*file, 0, text);
  EXPECT_LT(written, text.size());
  EXPECT_EQ(error_of(write_at(*file, written, "x")), Error::nospc);
  EXPECT_EQ(error_of(file->allocate(Allocate::extend, 0, 1000 * page_size)), Error::nospc);
  EXPECT_EQ(file->inode().size(), written);
  ASSERT_TRUE(file->truncate(0));
  EXPECT_TRUE(write_at(*file, 0, "x"));
  int made = 0;
  while (tree.mkdir("/d" + std::to_string(made))) ++made;
  EXPECT_GT(made, 100);
  EXPECT_EQ(error_of(tree.mkdir("/last")), Error::nospc);
}

TEST_F(DataTest, BusyTextCannotBeWritten) {
  Tree tree = Tree::on_tmpfs();
  tree.put("/program", "code");
  const Ref<File> program = *tree.open("/program", open_flag::read);
  ASSERT_TRUE(program->inode().begin_executing());
  EXPECT_EQ(error_of(tree.open("/program", open_flag::write)), Error::txtbsy);
  program->inode().end_executing();
  const Ref<File> writer = *tree.open("/program", open_flag::write);
  EXPECT_EQ(error_of(program->inode().begin_executing()), Error::txtbsy);
}

TEST_F(DataTest, FilesWithoutNames) {
  Tree tree = Tree::on_tmpfs();
  const Ref<File> file = *tree.open("/", open_flag::write | open_flag::read | open_flag::temporary);
  ASSERT_TRUE(write_at(*file, 0, "text"));
  EXPECT_EQ(file->status().links, 0u);
  ASSERT_TRUE(link(tree.caller(), {file.get(), ""}, tree.at("/named"), Follow::yes, EmptyName::means_directory));
  EXPECT_EQ(tree.get("/named"), "text");
  const Ref<File> memory = *make_memory_file(tree.caller(), "scratch", GuestMemory::host());
  ASSERT_TRUE(write_at(*memory, 0, "in memory"));
  char buffer[64];
  EXPECT_EQ(path_text(memory->path(), tree.root(), buffer)->text, "/memfd:scratch");
}

// --- directories -------------------------------------------------------------------------------------------------------

TEST_F(DataTest, ListingIsStableWhileEntriesComeAndGo) {
  Tree tree = Tree::on_tmpfs();
  constexpr int count = 5000;
  const auto name = [](int i) { return "/entry-" + std::to_string(i); };
  for (int i = 0; i < count; ++i) ASSERT_TRUE(make_node(tree.caller(), tree.at(name(i)), FileType::regular, 0644, 0));
  struct Sink final : DirectorySink {
    bool entry(std::string_view name, std::uint64_t, FileType, std::uint64_t next) override {
      if (room == 0) return false;
      --room;
      ++seen[std::string(name)];
      positions[std::string(name)] = next;
      return true;
    }
    std::map<std::string, int> seen;
    std::map<std::string, std::uint64_t> positions;
    int room = 0;
  } sink;
  const Ref<File> directory = *tree.open("/", open_flag::read);
  for (int i = 0; i < count; i += 7) {
    sink.room = 7;
    ASSERT_TRUE(directory->read_directory(sink));
    if (i % 2) ASSERT_TRUE(tree.unlink(name(i)));
    (void)make_node(tree.caller(), tree.at("/extra-" + std::to_string(i)), FileType::regular, 0644, 0);
  }
  for (int i = 0; i < count; ++i)
    if (tree.find(name(i))) EXPECT_EQ(sink.seen["entry-" + std::to_string(i)], 1) << i;
  ASSERT_TRUE(directory->seek(static_cast<std::int64_t>(sink.positions["entry-100"]), Seek::set));
  sink.seen.clear();
  sink.room = 1;
  ASSERT_TRUE(directory->read_directory(sink));
  EXPECT_EQ(sink.seen.size(), 1u);
  EXPECT_TRUE(sink.seen.contains("entry-101") || sink.seen.contains("entry-102"));
}

// --- pipes -------------------------------------------------------------------------------------------------------------

TEST_F(DataTest, PipesAreQueues) {
  std::mt19937 random(3);
  const PipeEnds ends = *make_pipe(open_flag::nonblock, Credentials::root(), GuestMemory::host());
  std::deque<char> model;
  std::size_t capacity = pipe_default_capacity;
  char next = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::size_t size = 1 + random() % (random() % 3 ? 9000 : 60000);
    if (random() % 300 == 0) {
      const std::size_t wanted = page_size << random() % 6;
      const Result<std::size_t> set = set_pipe_capacity(*ends.writing, wanted, Credentials::root(), GuestMemory::host());
      ASSERT_EQ(set.has_value(), model.size() <= wanted);
      if (set) capacity = *set;
    } else if (random() % 2) {
      std::string text(size, '\0');
      for (char& c : text) c = next++;
      IoBuffer from = IoBuffer::kernel(std::span<const char>(text));
      const Result<std::size_t> written = ends.writing->write(from);
      const std::size_t room = capacity - model.size();
      if (room == 0 || (size <= pipe_atomic_size && room < size)) {
        ASSERT_EQ(error_of(written), Error::again);
        next = static_cast<char>(next - static_cast<char>(size));
        continue;
      }
      ASSERT_EQ(*written, std::min(size, room));
      model.insert(model.end(), text.begin(), text.begin() + static_cast<std::ptrdiff_t>(*written));
      next = static_cast<char>(next - static_cast<char>(size - *written));
    } else {
      std::string text(size, '\0');
      IoBuffer to = IoBuffer::kernel(std::span(text));
      const Result<std::size_t> count = ends.reading->read(to);
      if (model.empty()) {
        ASSERT_EQ(error_of(count), Error::again);
        continue;
      }
      ASSERT_EQ(*count, std::min(size, model.size()));
      ASSERT_TRUE(std::equal(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(*count), model.begin()));
      model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(*count));
    }
    ASSERT_EQ(*ends.reading->readable_bytes(), model.size());
    ASSERT_EQ(bool(ends.reading->poll(nullptr) & poll_event::in), !model.empty());
    ASSERT_EQ(bool(ends.writing->poll(nullptr) & poll_event::out), capacity - model.size() >= pipe_atomic_size);
  }
}

TEST_F(DataTest, PipesEnd) {
  PipeEnds ends = *make_pipe(0, Credentials::root(), GuestMemory::host());
  IoBuffer from = IoBuffer::kernel(std::span(std::string_view("last")));
  ASSERT_TRUE(ends.writing->write(from));
  ends.writing = nullptr;
  char bytes[8];
  IoBuffer to = IoBuffer::kernel(std::span<char>(bytes));
  EXPECT_EQ(ends.reading->poll(nullptr), poll_event::readable | poll_event::hang_up);
  EXPECT_EQ(*ends.reading->read(to), 4u);
  EXPECT_EQ(*ends.reading->read(to), 0u);
  PipeEnds other = *make_pipe(0, Credentials::root(), GuestMemory::host());
  other.reading = nullptr;
  IoBuffer more = IoBuffer::kernel(std::span(std::string_view("x")));
  EXPECT_EQ(error_of(other.writing->write(more)), Error::pipe);
  EXPECT_TRUE(other.writing->poll(nullptr) & poll_event::error);
  EXPECT_EQ(error_of(other.writing->seek(0, Seek::set)), Error::spipe);
  EXPECT_EQ(error_of(make_pipe(open_flag::direct, Credentials::root(), GuestMemory::host())), Error::inval);
}

TEST_F(DataTest, FifosOpen) {
  Tree tree = Tree::on_tmpfs();
  ASSERT_TRUE(make_node(tree.caller(), tree.at("/fifo"), FileType::fifo, 0600, 0));
  EXPECT_EQ(error_of(tree.open("/fifo", open_flag::write | open_flag::nonblock)), Error::nxio);
  Ref<File> reader = *tree.open("/fifo", open_flag::read | open_flag::nonblock);
  EXPECT_EQ(reader->poll(nullptr), 0);  // no hang-up before there was a writer
  Ref<File> writer = *tree.open("/fifo", open_flag::write | open_flag::nonblock);
  writer = nullptr;
  EXPECT_EQ(reader->poll(nullptr), poll_event::hang_up);
}

// --- locks -------------------------------------------------------------------------------------------------------------

TEST_F(DataTest, RecordLocksAgreeWithAModelOfBytes) {
  constexpr unsigned owners = 3, bytes = 24;
  using Kind = RecordLock::Kind;
  std::mt19937 random(11);
  Tree tree = Tree::on_tmpfs();
  const Ref<File> file = *tree.open("/f", open_flag::read | open_flag::write | open_flag::create);
  Kind model[owners][bytes];
  std::fill(&model[0][0], &model[0][0] + owners * bytes, Kind::none);
  int identities[owners];
  for (int i = 0; i < 30000; ++i) {
    const unsigned who = random() % owners;
    const LockOwner owner{LockOwner::Kind::process, &identities[who], who};
    RecordLock lock{static_cast<Kind>(random() % 3), random() % bytes, 0};
    lock.end = lock.start + random() % (bytes - lock.start);
    bool blocked = false;
    for (unsigned other = 0; other < owners; ++other)
      for (std::uint64_t at = lock.start; at <= lock.end && other != who && lock.kind != Kind::none; ++at)
        blocked |= model[other][at] == Kind::write || (model[other][at] == Kind::read && lock.kind == Kind::write);
    LockOwner holder;
    if (lock.kind != Kind::none)
      ASSERT_EQ(find_record_lock(*file, owner, lock, holder).kind != Kind::none, blocked);
    ASSERT_EQ(error_of(set_record_lock(*file, owner, lock, LockWait::no)),
              blocked ? std::optional(Error::again) : std::nullopt);
    if (!blocked) std::fill(&model[who][lock.start], &model[who][lock.end] + 1, lock.kind);
    if (random() % 200 == 0) {
      drop_record_locks(file->inode(), &identities[who]);
      std::fill(&model[who][0], &model[who][bytes], Kind::none);
    }
  }
}

TEST_F(DataTest, WholeFileLocksBelongToTheDescription) {
  Tree tree = Tree::on_tmpfs();
  Ref<File> a = *tree.open("/f", open_flag::read | open_flag::create);
  const Ref<File> b = *tree.open("/f", open_flag::read);
  EXPECT_TRUE(set_file_lock(*a, FileLockKind::shared, LockWait::no));
  EXPECT_TRUE(set_file_lock(*b, FileLockKind::shared, LockWait::no));
  EXPECT_EQ(error_of(set_file_lock(*b, FileLockKind::exclusive, LockWait::no)), Error::again);
  EXPECT_TRUE(set_file_lock(*b, FileLockKind::shared, LockWait::no));
  a = nullptr;
  EXPECT_TRUE(set_file_lock(*b, FileLockKind::exclusive, LockWait::no));
}

// --- made-up files -------------------------------------------------------------------------------------------------------

class Numbers final : public SyntheticDirectory {
 public:
  explicit Numbers(Ref<FileSystem> file_system) : SyntheticDirectory(std::move(file_system)) { set_dynamic(); }
  Result<Ref<Inode>> child(std::string_view name) override {
    const auto number = parse_unsigned(name, 10);
    if (!number || *number >= 5) return Error::noent;
    return make_synthetic_file(Ref<FileSystem>(&file_system()), 0444, [](TextBuffer& out) -> Result<void> {
      print(out, "{}\n", std::string(5000, 'n').c_str()[0]);
      return {};
    });
  }
  Result<void> list(std::uint64_t& position, DirectorySink& sink) override {
    for (std::uint64_t i = position - first_dynamic_position; i < 5; ++i, ++position)
      if (!sink.entry(std::to_string(i), i + 1, FileType::regular, position + 1)) break;
    return {};
  }
};

class ToPlace final : public MagicLink {
 public:
  ToPlace(Ref<FileSystem> file_system, Path place) : MagicLink(std::move(file_system)), place_(std::move(place)) {}
  Result<void> generate(Output& out) override {
    print(out, "somewhere");
    return {};
  }
  Result<Path> target() override { return place_; }

 private:
  Path place_;
};

TEST_F(DataTest, SyntheticFiles) {
  Tree other = Tree::on_tmpfs();
  other.put("/secret", "outside");
  Ref<SyntheticFileSystem> proc = *make<SyntheticFileSystem>("proc", 1);
  Ref<SyntheticDirectory> root = *make<Numbers>(Ref<FileSystem>(proc));
  ASSERT_TRUE(root->add("outside", *make<ToPlace>(Ref<FileSystem>(proc), *other.find("/secret"))));
  Tree tree = Tree::on_tmpfs();
  ASSERT_TRUE(tree.mkdir("/proc"));
  ASSERT_TRUE(Mount::attach(*tree.find("/proc"), *Dentry::create_root(root), "proc"));
  EXPECT_EQ(tree.names("/proc"), (std::vector<std::string>{"0", "1", "2", "3", "4", "outside"}));
  EXPECT_EQ(tree.link_text("/proc/outside"), "somewhere");
  EXPECT_EQ(error_of(tree.find("/proc/outside")), Error::xdev);
  EXPECT_EQ(error_of(tree.find("/proc/7")), Error::noent);
  const Ref<File> file = *tree.open("/proc/3", open_flag::read);
  EXPECT_EQ(read_at(*file, 0, 10), "n\n");
  EXPECT_EQ(read_at(*file, 1, 10), "\n");
  EXPECT_EQ(error_of(tree.mkdir("/proc/new")), Error::perm);
}

TEST_F(DataTest, RandomNumbersAreThoseOfTheStandard) {
  // RFC 8439, section 2.3.2.
  std::uint32_t key[8];
  for (std::uint32_t i = 0; i < 8; ++i)
    key[i] = (4 * i) | (4 * i + 1) << 8 | (4 * i + 2) << 16 | (4 * i + 3) << 24;
  const std::uint32_t nonce[3] = {0x09000000, 0x4a000000, 0};
  std::uint32_t out[16];
  chacha20_block(key, 1, nonce, out);
  EXPECT_EQ(out[0], 0xe4e7f110u);
  EXPECT_EQ(out[15], 0x4e3c50a2u);
  EXPECT_NE(random_number(), random_number());
}

}  // namespace
}  // namespace cv6
