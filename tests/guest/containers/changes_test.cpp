// Copy on write: every kind of change, made on one side, and what the other side sees of it.

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <functional>
#include <set>
#include <vector>

#include "containers/tree.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class ContainerChanges : public ContainerTree {};

using Change = void (*)();
struct NamedChange {
  const char* name;
  Change change;
};

// Every kind of change that a program can make to the tree.
const NamedChange changes[] = {
    {"write", [] { write_file("file", "changed!"); }},
    {"overwrite a byte",
     [] {
       const Descriptor file = open_file("file", O_WRONLY);
       EXPECT_EQ(pwrite(file, "X", 1, 3), 1);
     }},
    {"append",
     [] {
       const Descriptor file = open_file("file", O_WRONLY | O_APPEND);
       EXPECT_EQ(write(file, "more", 4), 4);
     }},
    {"truncate", [] { EXPECT_OK(truncate("file", 3)); }},
    {"truncate to grow", [] { EXPECT_OK(truncate("file", 100'000)); }},
    {"open to truncate", [] { EXPECT_OK(open_file("file", O_WRONLY | O_TRUNC)); }},
    {"fallocate",
     [] {
       const Descriptor file = open_file("file", O_RDWR);
       EXPECT_OK(posix_fallocate(file, 0, 50'000) ? -1 : 0);
     }},
    {"write to a shared mapping",
     [] {
       const Descriptor file = open_file("file", O_RDWR);
       Mapping mapping(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file);
       ASSERT_TRUE(mapping.ok());
       mapping.as()[2] = 'M';
     }},
    {"write by a hard link", [] { write_file("hard", "by the other name"); }},
    {"create", [] { write_file("new", "new"); }},
    {"create deep", [] { write_file("directory/new", "new"); }},
    {"unlink", [] { EXPECT_OK(unlink("file")); }},
    {"unlink deep", [] { EXPECT_OK(unlink("directory/inner")); }},
    {"unlink a hard link", [] { EXPECT_OK(unlink("hard")); }},
    {"unlink and make again",
     [] {
       EXPECT_OK(unlink("file"));
       write_file("file", "again");
     }},
    {"rename", [] { EXPECT_OK(rename("file", "renamed")); }},
    {"rename into", [] { EXPECT_OK(rename("file", "directory/moved")); }},
    {"rename out of", [] { EXPECT_OK(rename("directory/inner", "outer")); }},
    {"rename over", [] { EXPECT_OK(rename("file", "other")); }},
    {"rename a directory", [] { EXPECT_OK(rename("directory", "elsewhere")); }},
    {"rename a directory over an empty one", [] { EXPECT_OK(rename("directory", "empty")); }},
    {"exchange", [] { EXPECT_OK(renameat2(AT_FDCWD, "file", AT_FDCWD, "directory", RENAME_EXCHANGE)); }},
    {"mkdir", [] { EXPECT_OK(mkdir("fresh", 0700)); }},
    {"rmdir", [] { EXPECT_OK(rmdir("empty")); }},
    {"rmdir and mkdir",
     [] {
       EXPECT_OK(rmdir("empty"));
       EXPECT_OK(mkdir("empty", 0711));
     }},
    {"remove a tree and make it again",
     [] {
       remove_tree("directory");
       EXPECT_OK(mkdir("directory", 0755));
       EXPECT_TRUE(names_in("directory").empty());
     }},
    {"symlink", [] { EXPECT_OK(symlink("target", "pointer")); }},
    {"replace a symlink",
     [] {
       EXPECT_OK(unlink("symlink"));
       EXPECT_OK(symlink("other", "symlink"));
     }},
    {"link", [] { EXPECT_OK(link("file", "linked")); }},
    {"mkfifo", [] { EXPECT_OK(mkfifo("fifo", 0600)); }},
    {"mknod", [] { EXPECT_OK(mknod("null", S_IFCHR | 0600, makedev(1, 3))); }},
    {"chmod", [] { EXPECT_OK(chmod("file", 0604)); }},
    {"chmod a directory", [] { EXPECT_OK(chmod("directory", 0705)); }},
    {"chown", [] { EXPECT_OK(chown("file", 12, 34)); }},
    {"chown a symlink", [] { EXPECT_OK(lchown("symlink", 12, 34)); }},
    {"utimes",
     [] {
       const timespec times[2] = {{1000, 1}, {2000, 2}};
       EXPECT_OK(utimensat(AT_FDCWD, "file", times, 0));
     }},
    {"utimes of a directory",
     [] {
       const timespec times[2] = {{1000, 1}, {2000, 2}};
       EXPECT_OK(utimensat(AT_FDCWD, "empty", times, 0));
     }},
    {"fchmod by a descriptor",
     [] {
       const Descriptor file = open_file("directory/inner", O_RDONLY);
       EXPECT_OK(fchmod(file, 0600));
     }},
    {"sendfile",
     [] {
       const Descriptor from = open_file("other", O_RDONLY);
       const Descriptor to = open_file("file", O_WRONLY);
       loff_t zero = 0;
       EXPECT_EQ(copy_file_range(from, &zero, to, nullptr, 5, 0), 5);
     }},
};

// Made inside: unseen outside and by a neighbour, seen by all that is inside, also later.
TEST_F(ContainerChanges, ChangesInsideStayInside) {
  const std::string before = description();
  for (const NamedChange& each : changes) {
    SCOPED_TRACE(each.name);
    Box box;
    Box neighbour;
    EXPECT_INSIDE(neighbour, EXPECT_EQ(description(), before));
    Mapping shared(4 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    EXPECT_INSIDE(box, {
      each.change();
      EXPECT_NE(description(), before);
      snprintf(shared.as(), shared.length(), "%s", description().c_str());
    });
    EXPECT_EQ(description(), before);
    EXPECT_INSIDE(box, EXPECT_EQ(description(), shared.as()));
    EXPECT_INSIDE(neighbour, EXPECT_EQ(description(), before));
    if (HasFailure()) break;
  }
}

// Made outside after the container has made everything its own: unseen inside.
TEST_F(ContainerChanges, ChangesOutsideAreNotSeenOnceItIsItsOwn) {
  for (const NamedChange& each : changes) {
    SCOPED_TRACE(each.name);
    remove_tree(path("t"));
    ASSERT_OK(mkdir("t", 0755));
    EXPECT_CHILD({
      ASSERT_OK(chdir("t"));
      make_small_tree();
      Box box;
      Mapping shared(4 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
      EXPECT_INSIDE(box, {
        for (const char* name : {"file", "other", "directory", "directory/inner", "empty", "hard"}) {
          const timespec times[2] = {{5000, 1}, {6000, 2}};
          EXPECT_OK(utimensat(AT_FDCWD, name, times, 0));
        }
        EXPECT_OK(lchown("symlink", 0, 0));
        for (const char* name : {"file", "other", "directory/inner"}) {  // and its bytes
          const std::string text = read_file(name);
          write_file(name, text);
        }
        const timespec times[2] = {{5000, 1}, {6000, 2}};
        for (const char* name : {"directory", "empty"}) EXPECT_OK(utimensat(AT_FDCWD, name, times, 0));
        snprintf(shared.as(), shared.length(), "%s", description().c_str());
      });
      each.change();
      EXPECT_INSIDE(box, {
        // A name made outside may be seen in a directory that is shared by name; what the container made its own is as
        // it was.
        std::string now;
        for (const char* name : {"file", "other", "hard", "directory/inner", "symlink"}) describe(name, now);
        const std::string was(shared.as());
        for (std::size_t at = 0; at < now.size();) {
          const std::size_t end = now.find('\n', at);
          const std::string line = "./" + now.substr(at, end - at + 1);
          EXPECT_NE(was.find(line), std::string::npos) << line << "was\n" << was;
          at = end + 1;
        }
      });
    });
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace cv6::guest
