#pragma once
// Containers for tests of cv6's own calls. Linux has none: there these tests are skipped.

#include <functional>
#include <string>
#include <utility>

#include "cv6/container.hpp"
#include "support/child.hpp"
#include "support/objects.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {

// The kernel has containers.
bool has_containers();

// The fixture of tests of containers that need no files of their own.
class Containers : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_containers()) GTEST_SKIP() << "containers are calls of cv6";
  }
};

// The same for those that start in an empty directory of their own.
class ContainersAndFiles : public TempDir {
 protected:
  void SetUp() override {
    TempDir::SetUp();
    if (!has_containers()) GTEST_SKIP() << "containers are calls of cv6";
  }
};

// A container, destroyed at the end of the scope with all that is inside.
class Box {
 public:
  Box() : Box(ContainerCreate{}) {}
  explicit Box(const ContainerCreate& wanted) : id_(create_container(wanted)) { EXPECT_OK(id_); }
  ~Box() {
    if (id_ >= 0) destroy();
  }
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;

  int id() const { return id_; }
  void destroy() {
    EXPECT_OK(destroy_container(id_));
    id_ = -1;
  }
  // Somebody else destroys it.
  int release() { return std::exchange(id_, -1); }
  ContainerStat stat() const;
  unsigned processes() const { return stat().processes; }
  // One limit with its counters; and set to another value.
  ContainerLimit limit(ContainerLimit::Kind kind) const;
  ContainerLimit set_limit(ContainerLimit::Kind kind, std::uint64_t value) const;

  // A child that joins and runs `body`; its exit code is 0 exactly when no assertion failed.
  pid_t start(const std::function<void()>& body) const;
  // The same with a process that lives inside: a child of one that joined. The pid is the one that joined and waits.
  pid_t start_resident(const std::function<void()>& body) const;

 private:
  int id_;
};

// A container whose own root may make containers below it.
inline ContainerCreate nesting() {
  ContainerCreate wanted;
  wanted.flags = ContainerCreate::may_nest;
  return wanted;
}

// A volume; flags of ContainerMount. -1 and errno, or 0.
int mount_into(const Box& box, const std::string& source, const std::string& target, std::uint32_t flags = 0);

// A program of this file's helpers (helper.hpp), spawned inside. Its number, or -1 and errno.
pid_t spawn_helper(int container, const std::string& name, const std::vector<std::string>& arguments = {},
                   const std::vector<PassedDescriptor>& passed = {{1, 1}, {2, 2}});

}  // namespace cv6::guest

// Runs the statements in a child that has joined the container.
#define EXPECT_INSIDE(box, ...)                              \
  do {                                                       \
    const auto pid_ = (box).start([&] { __VA_ARGS__; });     \
    const auto ending_ = ::cv6::guest::reap(pid_);           \
    EXPECT_TRUE(ending_.exited(0)) << "inside: " << ending_; \
  } while (false)
