// A directory of a million files in a container: the last one costs what the first one did, the host answers all the
// while, and when the container is destroyed everything is there again.
#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <random>

#include "ordeal.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

constexpr std::uint64_t memory = 800 << 20;
constexpr long block = 1000;  // files between looks at the clock
constexpr double tolerance =
    10;  // for memory never used before, caches, and who else uses the computer; not for a search

long microseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
}

// The debug build needs ten times as long for each.
long how_many() { return access("/proc/self/fail-nth", F_OK) == 0 ? 100'000 : 1'000'000; }

std::string name_of(long number) { return "file" + std::to_string(number); }

class BigDirectory : public Containers {
 protected:
  // `action` for 0 to count-1: the best time of a thousand among the first ten thousand, and among the last.
  static void expect_flat(const char* what, long count, const std::function<bool(long)>& action) {
    constexpr long blocks = 10;
    long first = INT64_MAX, last = INT64_MAX;
    for (long at = 0; at < count; at += block) {
      const long begin = microseconds();
      for (long i = at; i < at + block; ++i) ASSERT_TRUE(action(i)) << what << " " << i << ": " << strerror(errno);
      const long taken = microseconds() - begin;
      if (at < blocks * block) first = std::min(first, taken);
      if (at >= count - blocks * block) last = std::min(last, taken);
    }
    EXPECT_LE(last, tolerance * first) << what;
    printf("    %s: %ld us for a thousand, at last %ld us\n", what, first, last);
  }

  static void fill_and_use(long files) {
    ASSERT_OK(mkdir("/tmp/many", 0755));
    ASSERT_OK(chdir("/tmp/many"));
    expect_flat("create", files, [](long i) { return mknod(name_of(i).c_str(), S_IFREG | 0600, 0) == 0; });
    std::mt19937 random(1);
    struct stat status;
    expect_flat("look up", files / 10, [&](long) { return stat(name_of(random() % files).c_str(), &status) == 0; });
    const Descriptor directory(open(".", O_RDONLY | O_DIRECTORY));
    DIR* listing = fdopendir(dup(directory));
    expect_flat("list", files, [&](long) { return readdir(listing) != nullptr; });
    EXPECT_NE(readdir(listing), nullptr);  // . and ..
    EXPECT_NE(readdir(listing), nullptr);
    EXPECT_EQ(readdir(listing), nullptr);
    closedir(listing);
    // The rest goes with the container.
    expect_flat("remove", files / 10, [&](long i) { return unlink(name_of(i).c_str()) == 0; });
  }
};

TEST_F(BigDirectory, AMillionFiles) {
  const ObjectCounts before = lasting(count_objects());
  {
    Box box;
    box.set_limit(ContainerLimit::Kind::memory, memory);
    const pid_t filler = box.start([] { fill_and_use(how_many()); });
    Ending ending;
    const timespec pause{0, 500'000'000};
    while (waitpid(filler, &ending.status, WNOHANG) == 0) expect_answer(), nanosleep(&pause, nullptr);
    EXPECT_TRUE(ending.exited(0)) << ending;
    const pid_t destroyer = spawn_checked([id = box.release()] { EXPECT_OK(destroy_container(id)); });
    while (waitpid(destroyer, &ending.status, WNOHANG) == 0) expect_answer();
    EXPECT_TRUE(ending.exited(0)) << ending;
  }
  ObjectCounts after;
  EXPECT_TRUE(wait_until([&] { return growth(before, after = lasting(count_objects())).empty(); }))
      << growth(before, after);
}

}  // namespace
}  // namespace cv6::guest
