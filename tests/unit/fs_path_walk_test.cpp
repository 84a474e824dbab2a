// Path walk and operations on names: rules one by one, and at random against a simple model.
#include <array>

#include "fs_support.hpp"

namespace cv6 {
namespace {

using test::error_of;
using test::Tree;
using WalkTest = test::FsTest;

TEST_F(WalkTest, FollowsComponentsDotsAndSlashes) {
  Tree tree = Tree::on_tmpfs();
  ASSERT_TRUE(tree.mkdir("/a"));
  ASSERT_TRUE(tree.mkdir("/a/b/"));
  tree.put("/a/b/f", "text");
  for (const char* name : {"/a/b/f", "a/b/f", "//a///b//f", "/a/./b/../b/f", "/../../a/b/f", "./a/../a/b/f"})
    EXPECT_EQ(tree.get(name), "text") << name;
  EXPECT_EQ(error_of(tree.find("/a/b/f/")), Error::notdir);
  EXPECT_EQ(error_of(tree.find("/a/b/f/..")), Error::notdir);
  EXPECT_EQ(error_of(tree.find("/a/x/..")), Error::noent);
  EXPECT_EQ(error_of(tree.find("")), Error::noent);
  EXPECT_TRUE(tree.find("/"));
  EXPECT_EQ(error_of(tree.find(std::string(256, 'n'))), Error::nametoolong);
  EXPECT_EQ(error_of(tree.find(std::string(255, 'n'))), Error::noent);
  EXPECT_EQ(error_of(tree.find(std::string(4096, '/'))), Error::nametoolong);
  EXPECT_TRUE(tree.find(std::string(4095, '/')));
}

TEST_F(WalkTest, FollowsSymlinks) {
  Tree tree = Tree::on_tmpfs();
  ASSERT_TRUE(tree.mkdir("/d"));
  tree.put("/d/f", "text");
  ASSERT_TRUE(tree.symlink("d/f", "/relative"));
  ASSERT_TRUE(tree.symlink("/d", "/absolute"));
  ASSERT_TRUE(tree.symlink("f", "/d/inner"));
  ASSERT_TRUE(tree.symlink("../absolute/../absolute/inner", "/d/twisted"));
  ASSERT_TRUE(tree.symlink("self", "/self"));
  ASSERT_TRUE(tree.symlink("nowhere", "/dangling"));
  ASSERT_TRUE(tree.symlink("d/f/", "/slashed"));
  EXPECT_EQ(tree.get("relative"), "text");
  EXPECT_EQ(tree.get("/absolute/inner"), "text");
  EXPECT_EQ(tree.get("/absolute/twisted"), "text");
  EXPECT_EQ(error_of(tree.find("/self")), Error::loop);
  EXPECT_EQ(error_of(tree.find("/dangling")), Error::noent);
  EXPECT_EQ(error_of(tree.find("/slashed")), Error::notdir);
  EXPECT_EQ(tree.stat("/absolute", Follow::no)->type, FileType::symlink);
  EXPECT_EQ(tree.stat("/absolute/", Follow::no)->type, FileType::directory);
  EXPECT_EQ(error_of(tree.open("/relative", open_flag::read | open_flag::no_follow)), Error::loop);
  EXPECT_EQ(error_of(tree.open("/absolute", open_flag::read | open_flag::no_follow | open_flag::directory)),
            Error::notdir);
  // The slash reaches through both links, whatever follow says.
  ASSERT_TRUE(tree.symlink("absolute", "/second"));
  EXPECT_EQ(tree.stat("/second/", Follow::no)->type, FileType::directory);
  // A dangling link is filled by O_CREAT, but not with O_EXCL.
  EXPECT_EQ(error_of(tree.open("/dangling", open_flag::write | open_flag::create | open_flag::exclusive)), Error::exist);
  tree.put("/dangling", "made");
  EXPECT_EQ(tree.get("/nowhere"), "made");
}

TEST_F(WalkTest, CountsSymlinks) {
  Tree tree = Tree::on_tmpfs();
  tree.put("/l0", "end");
  for (int i = 1; i <= 41; ++i)
    ASSERT_TRUE(tree.symlink("l" + std::to_string(i - 1), "/l" + std::to_string(i)));
  EXPECT_EQ(tree.get("/l40"), "end");
  EXPECT_EQ(error_of(tree.find("/l41")), Error::loop);
}

TEST_F(WalkTest, ChecksPermissions) {
  Tree tree = Tree::on_tmpfs();
  ASSERT_TRUE(tree.mkdir("/private", 0700));
  ASSERT_TRUE(tree.mkdir("/searchable", 0711));
  ASSERT_TRUE(tree.mkdir("/sticky"));
  ASSERT_TRUE(tree.chmod("/sticky", 01777));
  for (const char* name : {"/private/f", "/searchable/f", "/sticky/roots"}) tree.put(name, "text");
  tree.act_as(1000, 1000);
  EXPECT_EQ(error_of(tree.find("/private/f")), Error::acces);
  EXPECT_EQ(tree.get("/searchable/f"), "text");
  EXPECT_EQ(error_of(tree.open("/searchable", open_flag::read)), Error::acces);
  EXPECT_EQ(error_of(tree.open("/searchable/f", open_flag::write)), Error::acces);
  EXPECT_EQ(error_of(tree.mkdir("/searchable/d")), Error::acces);
  EXPECT_EQ(error_of(tree.unlink("/sticky/roots")), Error::perm);
  EXPECT_EQ(error_of(tree.rename("/sticky/roots", "/sticky/mine")), Error::perm);
  tree.put("/sticky/mine", "");
  EXPECT_EQ(error_of(tree.chmod("/sticky/roots", 0777)), Error::perm);
  EXPECT_TRUE(tree.chmod("/sticky/mine", 0600));
  tree.act_as(1001, 1001);
  EXPECT_EQ(error_of(tree.open("/sticky/mine", open_flag::read)), Error::acces);
  EXPECT_EQ(error_of(tree.unlink("/sticky/mine")), Error::perm);
  tree.act_as(1000, 1000);
  EXPECT_TRUE(tree.unlink("/sticky/mine"));
}

TEST_F(WalkTest, RefusesSpecialLastComponents) {
  Tree tree = Tree::on_tmpfs();
  ASSERT_TRUE(tree.mkdir("/d"));
  tree.put("/f", "");
  EXPECT_EQ(error_of(tree.mkdir("/")), Error::exist);
  EXPECT_EQ(error_of(tree.mkdir("/d/.")), Error::exist);
  EXPECT_EQ(error_of(tree.rmdir("/d/.")), Error::inval);
  EXPECT_EQ(error_of(tree.rmdir("/d/..")), Error::notempty);
  EXPECT_EQ(error_of(tree.rmdir("/")), Error::busy);
  EXPECT_EQ(error_of(tree.rmdir("/f")), Error::notdir);
  EXPECT_EQ(error_of(tree.unlink("/d")), Error::isdir);
  EXPECT_EQ(error_of(tree.unlink("/d/.")), Error::isdir);
  EXPECT_EQ(error_of(tree.unlink("/f/")), Error::notdir);
  EXPECT_EQ(error_of(tree.rename("/d/.", "/e")), Error::busy);
  EXPECT_EQ(error_of(tree.rename("/d", "/f")), Error::notdir);
  EXPECT_EQ(error_of(tree.rename("/f", "/d")), Error::isdir);
  EXPECT_EQ(error_of(tree.rename("/f", "/g/")), Error::notdir);
  EXPECT_EQ(error_of(tree.rename("/d", "/d/e")), Error::inval);
  EXPECT_EQ(error_of(tree.rename("/d", "/f", RenameMode::no_replace)), Error::exist);
  EXPECT_EQ(error_of(tree.open("/new/", open_flag::write | open_flag::create)), Error::isdir);
  EXPECT_EQ(error_of(tree.symlink("", "/s")), Error::noent);
  EXPECT_EQ(error_of(tree.link("/d", "/dd")), Error::perm);
  EXPECT_TRUE(tree.rename("/d", "/e/"));
  EXPECT_TRUE(tree.rename("/e", "/f", RenameMode::exchange));
  EXPECT_EQ(tree.stat("/f")->type, FileType::directory);
}

TEST_F(WalkTest, KeepsWorkingInRemovedDirectories) {
  Tree tree = Tree::on_tmpfs();
  ASSERT_TRUE(tree.mkdir("/d"));
  tree.context().set_working_directory(*tree.find("/d"));
  ASSERT_TRUE(tree.rmdir("/d"));
  EXPECT_EQ(error_of(tree.open("f", open_flag::write | open_flag::create)), Error::noent);
  EXPECT_EQ(error_of(tree.mkdir("d")), Error::noent);
  EXPECT_TRUE(tree.find("."));
  EXPECT_EQ(tree.find("..")->dentry, tree.root().dentry);
  char buffer[256];
  EXPECT_TRUE(path_text(tree.context().working_directory(), tree.root(), buffer)->removed);
  tree.context().set_working_directory(tree.root());
}

TEST_F(WalkTest, CrossesMounts) {
  Tree tree = Tree::on_tmpfs();
  ASSERT_TRUE(tree.mkdir("/m"));
  ASSERT_TRUE(tree.mkdir("/m/hidden"));
  Ref<Dentry> inner = *tmpfs::create(Ref<GuestMemory>(&GuestMemory::host()), {});
  const Path place = *tree.find("/m");
  Ref<Mount> mount = *Mount::attach(place, inner, "inner");
  ASSERT_TRUE(tree.mkdir("/m/d"));
  EXPECT_EQ(error_of(tree.find("/m/hidden")), Error::noent);
  EXPECT_EQ(tree.find("/m/d/../..")->dentry, tree.root().dentry);
  char buffer[256];
  EXPECT_EQ(path_text(*tree.find("/m/d"), tree.root(), buffer)->text, "/m/d");
  EXPECT_EQ(error_of(tree.rmdir("/m")), Error::busy);
  EXPECT_EQ(error_of(tree.rename("/m", "/n")), Error::busy);
  tree.put("/f", "");
  EXPECT_EQ(error_of(tree.rename("/f", "/m/f")), Error::xdev);
  EXPECT_EQ(error_of(tree.link("/f", "/m/f")), Error::xdev);
  mount = nullptr;
  {
    const Ref<File> open = *tree.open("/m/d", open_flag::read);
    EXPECT_EQ(error_of(Mount::detach(*tree.find("/m"), Mount::Detach::when_unused)), Error::busy);
  }
  EXPECT_TRUE(Mount::detach(*tree.find("/m"), Mount::Detach::when_unused));
  EXPECT_TRUE(tree.find("/m/hidden"));
}

TEST_F(WalkTest, NeverLeavesItsTreeOfMounts) {
  Tree tree = Tree::on_tmpfs();
  Tree other = Tree::on_tmpfs();
  ASSERT_TRUE(other.mkdir("/d"));
  const Ref<File> outside = *other.open("/d", open_flag::read);
  EXPECT_EQ(error_of(resolve(tree.caller(), {outside.get(), "x"}, Follow::yes)), Error::xdev);
  EXPECT_EQ(error_of(resolve(tree.caller(), {outside.get(), ".."}, Follow::yes)), Error::xdev);
  EXPECT_TRUE(resolve(tree.caller(), {outside.get(), "/"}, Follow::yes));
}

TEST_F(WalkTest, DeepTreesAreFreedWithoutRecursion) {
  Tree tree = Tree::on_tmpfs();
  for (int i = 0; i < 20000; ++i) {
    ASSERT_TRUE(tree.mkdir("d"));
    tree.context().set_working_directory(*tree.find("d"));
  }
  tree.context().set_working_directory(tree.root());
}

// --- at random, against a model -----------------------------------------------------------------------------------------

// The same rules, written down as plainly as possible: whole paths, recursion, no caches.
class Model {
 public:
  struct Node {
    FileType type = FileType::directory;
    std::map<std::string, int> children;
    std::string target;
    int parent = 0;
    int names = 1;
  };
  std::map<int, Node> nodes{{0, Node{}}};
  int next = 1;

  struct Place {
    int parent;
    std::string last;
    bool slash;
  };
  using Found = std::pair<std::optional<Error>, int>;

  static std::vector<std::string> split(const std::string& path) {
    std::vector<std::string> parts;
    std::string part;
    for (char c : path + "/") {
      if (c != '/') part += c;
      else if (!part.empty()) parts.push_back(std::exchange(part, ""));
    }
    return parts;
  }
  Found walk(int at, const std::string& path, bool follow_last, int& links) {
    const std::vector<std::string> parts = split(path);
    const bool slash = path.ends_with('/');
    if (path.starts_with('/')) at = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (nodes[at].type != FileType::directory) return {Error::notdir, 0};
      if (parts[i] == ".") continue;
      if (parts[i] == "..") {
        at = nodes[at].parent;
        continue;
      }
      const auto child = nodes[at].children.find(parts[i]);
      if (child == nodes[at].children.end()) return {Error::noent, 0};
      const bool last = i + 1 == parts.size();
      if (nodes[child->second].type == FileType::symlink && (!last || follow_last || slash)) {
        if (++links > 40) return {Error::loop, 0};
        const Found target = walk(at, nodes[child->second].target, true, links);
        if (target.first) return target;
        at = target.second;
      } else {
        at = child->second;
      }
    }
    if (slash && nodes[at].type != FileType::directory) return {Error::notdir, 0};
    return {std::nullopt, at};
  }
  Found find(const std::string& path, bool follow) {
    int links = 0;
    return walk(0, path, follow, links);
  }
  // The parent and the last component; a last component of "." or ".." or none is given back as such.
  std::pair<std::optional<Error>, Place> to_parent(const std::string& path) {
    std::vector<std::string> parts = split(path);
    if (parts.empty()) return {std::nullopt, {0, "/", false}};
    std::string directory = path.starts_with('/') ? "/" : "";
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) directory += parts[i] + "/";
    int links = 0;
    const Found parent = walk(0, directory, true, links);
    if (parent.first) return {parent.first, {}};
    return {std::nullopt, {parent.second, parts.back(), path.ends_with('/')}};
  }
  int child(const Place& place) {
    const auto found = nodes[place.parent].children.find(place.last);
    return found == nodes[place.parent].children.end() ? -1 : found->second;
  }
  bool above(int upper, int lower) {
    for (;; lower = nodes[lower].parent) {
      if (lower == upper) return true;
      if (lower == 0) return false;
    }
  }
  static bool special(const std::string& last) { return last == "." || last == ".." || last == "/"; }

  std::optional<Error> make(const std::string& path, FileType type, const std::string& target) {
    auto [error, place] = to_parent(path);
    if (error) return error;
    if (special(place.last) || child(place) >= 0) return Error::exist;
    if (place.slash && type != FileType::directory) return Error::noent;
    nodes[place.parent].children[place.last] = next;
    nodes[next++] = {type, {}, target, place.parent, 1};
    return std::nullopt;
  }
  std::optional<Error> unlink(const std::string& path) {
    auto [error, place] = to_parent(path);
    if (error) return error;
    if (special(place.last)) return Error::isdir;
    const int victim = child(place);
    if (victim < 0) return Error::noent;
    if (nodes[victim].type == FileType::directory) return Error::isdir;
    if (place.slash) return Error::notdir;
    nodes[place.parent].children.erase(place.last);
    --nodes[victim].names;
    return std::nullopt;
  }
  std::optional<Error> rmdir(const std::string& path) {
    auto [error, place] = to_parent(path);
    if (error) return error;
    if (place.last == ".") return Error::inval;
    if (place.last == "..") return Error::notempty;
    if (place.last == "/") return Error::busy;
    const int victim = child(place);
    if (victim < 0) return Error::noent;
    if (nodes[victim].type != FileType::directory) return Error::notdir;
    if (!nodes[victim].children.empty()) return Error::notempty;
    nodes[place.parent].children.erase(place.last);
    return std::nullopt;
  }
  std::optional<Error> link(const std::string& from, const std::string& to) {
    const Found source = find(from, false);
    if (source.first) return source.first;
    auto [error, place] = to_parent(to);
    if (error) return error;
    if (special(place.last) || child(place) >= 0) return Error::exist;
    if (place.slash) return Error::noent;
    if (nodes[source.second].type == FileType::directory) return Error::perm;
    nodes[place.parent].children[place.last] = source.second;
    ++nodes[source.second].names;
    return std::nullopt;
  }
  std::optional<Error> rename(const std::string& from, const std::string& to, RenameMode mode) {
    auto [from_error, source_place] = to_parent(from);
    if (from_error) return from_error;
    auto [to_error, target_place] = to_parent(to);
    if (to_error) return to_error;
    if (special(source_place.last)) return Error::busy;
    if (special(target_place.last)) return mode == RenameMode::no_replace ? Error::exist : Error::busy;
    const int source = child(source_place);
    const int target = child(target_place);
    if (source < 0) return Error::noent;
    if (mode == RenameMode::no_replace && target >= 0) return Error::exist;
    const auto is_directory = [&](int node) { return nodes[node].type == FileType::directory; };
    if (mode == RenameMode::exchange) {
      if (target < 0) return Error::noent;
      if (!is_directory(target) && target_place.slash) return Error::notdir;
    }
    if (!is_directory(source)) {
      if (source_place.slash) return Error::notdir;
      if (mode != RenameMode::exchange && target_place.slash) return Error::notdir;
    }
    if (is_directory(source) && above(source, target_place.parent)) return Error::inval;
    if (target >= 0 && is_directory(target) && above(target, source_place.parent))
      return mode == RenameMode::exchange ? Error::inval : Error::notempty;
    if (source == target) return std::nullopt;
    if (mode != RenameMode::exchange && target >= 0) {
      if (is_directory(source) != is_directory(target)) return is_directory(source) ? Error::notdir : Error::isdir;
      if (is_directory(target) && !nodes[target].children.empty()) return Error::notempty;
    }
    nodes[source_place.parent].children.erase(source_place.last);
    nodes[target_place.parent].children[target_place.last] = source;
    if (is_directory(source)) nodes[source].parent = target_place.parent;
    if (mode == RenameMode::exchange) {
      nodes[source_place.parent].children[source_place.last] = target;
      if (is_directory(target)) nodes[target].parent = source_place.parent;
    } else if (target >= 0 && !is_directory(target)) {
      --nodes[target].names;
    }
    return std::nullopt;
  }
};

class Names {
 public:
  explicit Names(unsigned seed) : random_(seed) {}
  std::string path() {
    std::string path = pick(3) ? "/" : "";
    const unsigned parts = 1 + pick(4);
    for (unsigned i = 0; i < parts; ++i) {
      static constexpr std::array<const char*, 9> components = {"a", "b", "c", "d", "a", "b", "c", ".", ".."};
      path += components[pick(components.size())];
      if (i + 1 < parts || pick(8) == 0) path += pick(6) ? "/" : "//";
    }
    return path;
  }
  unsigned pick(std::size_t below) { return static_cast<unsigned>(random_() % below); }

 private:
  std::mt19937 random_;
};

void compare_lookup(Tree& tree, Model& model, std::map<int, std::uint64_t>& numbers, const std::string& path,
                    bool follow) {
  const Model::Found expected = model.find(path, follow);
  const Result<Path> found = tree.find(path, follow ? Follow::yes : Follow::no);
  ASSERT_EQ(error_of(found), expected.first) << path;
  if (!found) return;
  const auto [known, fresh] = numbers.emplace(expected.second, found->inode().number());
  ASSERT_EQ(known->second, found->inode().number()) << path;
  ASSERT_EQ(found->inode().type(), model.nodes[expected.second].type) << path;
  if (!found->inode().is_directory())
    ASSERT_EQ(found->inode().links(), static_cast<std::uint32_t>(model.nodes[expected.second].names)) << path;
}

void random_operations(unsigned seed, unsigned count) {
  Tree tree = Tree::on_tmpfs();
  Model model;
  std::map<int, std::uint64_t> numbers;
  Names names(seed);
  for (unsigned i = 0; i < count; ++i) {
    const std::string a = names.path();
    const std::string b = names.path();
    const auto mode = static_cast<RenameMode>(names.pick(3));
    std::string what;
    std::optional<Error> expected, got;
    switch (names.pick(7)) {
      case 0: what = "mkdir", expected = model.make(a, FileType::directory, ""), got = error_of(tree.mkdir(a)); break;
      case 1: what = "symlink", expected = model.make(a, FileType::symlink, b), got = error_of(tree.symlink(b, a)); break;
      case 2:
        what = "mknod", expected = model.make(a, FileType::regular, "");
        got = error_of(make_node(tree.caller(), tree.at(a), FileType::regular, 0644, 0));
        break;
      case 3: what = "unlink", expected = model.unlink(a), got = error_of(tree.unlink(a)); break;
      case 4: what = "rmdir", expected = model.rmdir(a), got = error_of(tree.rmdir(a)); break;
      case 5: what = "link", expected = model.link(a, b), got = error_of(tree.link(a, b)); break;
      case 6: what = "rename", expected = model.rename(a, b, mode), got = error_of(tree.rename(a, b, mode)); break;
    }
    ASSERT_EQ(got, expected) << what << " " << a << " " << b << " mode " << static_cast<int>(mode) << " step " << i;
    for (int j = 0; j < 3; ++j) compare_lookup(tree, model, numbers, names.path(), names.pick(2));
    if (testing::Test::HasFatalFailure()) return;
    if (names.pick(50) == 0) Dentry::shrink(names.pick(100));
  }
}

TEST_F(WalkTest, AgreesWithTheModel) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    random_operations(seed, 2000);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace cv6
