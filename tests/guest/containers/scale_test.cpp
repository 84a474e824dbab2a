// Many containers at once, each with a process that sleeps. How many depends on the machine's memory: 10,000 in 1 GB.
// With time that counts instructions (CV6_ICOUNT=1), that the last one costs what the first did.
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "support/container.hpp"
#include "support/small_program.hpp"

namespace cv6::guest {
namespace {

// for (;;) pause();
constexpr unsigned char sleep_code[] = {0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7};

class ContainerScale : public ContainersAndFiles {
 protected:
  static int how_many() {
    struct sysinfo info {};
    sysinfo(&info);
    return info.totalram >= 950ull << 20 ? 10'000 : static_cast<int>(info.totalram / 300'000);
  }
};

pid_t start_inside(int container, const char* program) {
  const char* const arguments[] = {program, nullptr};
  ContainerSpawn wanted;
  wanted.id = container;
  wanted.path = program;
  wanted.arguments = arguments;
  return spawn_container(wanted);
}

// The least of a few, so that a tick of the clock in one of them does not matter.
std::uint64_t cost_of_one() {
  std::uint64_t least = UINT64_MAX;
  for (int i = 0; i < 10; ++i) {
    const std::uint64_t start = __builtin_ia32_rdtsc();
    const int id = create_container({});
    destroy_container(id);
    least = std::min(least, static_cast<std::uint64_t>(__builtin_ia32_rdtsc() - start));
  }
  return least;
}

TEST_F(ContainerScale, ManyWithAProcessEach) {
  write_file("sleeps", ProgramOf(sleep_code).bytes(), 0755);
  char directory[256];
  ASSERT_NE(getcwd(directory, sizeof directory), nullptr);
  const std::string program = std::string(directory) + "/sleeps";
  const int count = how_many();
  const std::uint64_t first = cost_of_one();
  const ObjectCounts before = count_objects();
  std::vector<int> ids;
  std::vector<pid_t> processes;
  for (int i = 0; i < count; ++i) {
    ids.push_back(create_container({}));
    ASSERT_OK(ids.back()) << "after " << i;
    processes.push_back(start_inside(ids.back(), program.c_str()));
    ASSERT_OK(processes.back()) << "after " << i;
  }
  const std::uint64_t last = cost_of_one();
  if (getenv("CV6_ICOUNT")) EXPECT_LE(static_cast<double>(last), 1.1 * static_cast<double>(first));

  int listed = 0;
  ContainerStat stat;
  for (stat.which = ContainerStat::Which::next_after_id; stat_container(stat) == 0; stat.which = ContainerStat::Which::next_after_id)
    listed += stat.processes == 1;
  EXPECT_EQ(listed, count);

  for (const int id : ids) ASSERT_OK(destroy_container(id));
  for (const pid_t process : processes) {
    int status = 0;
    ASSERT_EQ(waitpid(process, &status, 0), process);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  }
  const ObjectCounts after = count_objects();
  for (const char* kind : {"container", "process", "user_thread", "address_space", "view_directory"})
    EXPECT_LE(after.at(kind), before.at(kind)) << kind;
}

}  // namespace
}  // namespace cv6::guest
