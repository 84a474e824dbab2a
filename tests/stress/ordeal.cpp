#include "ordeal.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "marks.hpp"
#include "support/descriptor.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

constexpr std::uint64_t memory = 160 << 20, processes = 150, open_files = 4000;
constexpr long at_once = 10'000;  // milliseconds for the host's answer, on an emulated machine that others use too
constexpr long clock_tolerance = 2'000;  // milliseconds
constexpr off_t most_output = 4000;

long milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

pid_t start(const Box& box, const Ordeal& ordeal, int output) {
  std::vector<const char*> words;
  for (const std::string& word : ordeal.words) words.push_back(word.c_str());
  words.push_back(nullptr);
  const char* const environment[] = {"PATH=/bin:/usr/bin", "HOME=/tmp", nullptr};
  const PassedDescriptor passed[] = {{output, 1}, {output, 2}};
  ContainerSpawn wanted;
  wanted.id = box.id();
  wanted.place = SpawnPlace::new_session;
  wanted.path = words.front();
  wanted.arguments = words.data();
  wanted.environment = environment;
  wanted.directory = "/tmp";
  wanted.descriptors = passed;
  wanted.descriptor_count = std::size(passed);
  wanted.user = wanted.group = ordeal.user;
  return spawn_container(wanted);
}

// Until it ends or the time is over; all the while the host answers.
void watch(pid_t program, int seconds, AfterOrdeal& after) {
  const timespec pause{0, 200'000'000};
  for (const long end = milliseconds() + 1000L * seconds; milliseconds() < end; nanosleep(&pause, nullptr)) {
    expect_answer();
    const pid_t ended = waitpid(program, &after.ending.status, WNOHANG);
    if (ended == 0) continue;
    after.in_time = ended == program;
    return;
  }
}

std::string last_of(int output) {
  const off_t size = lseek(output, 0, SEEK_END), from = size > most_output ? size - most_output : 0;
  std::string text(size - from, '\0');
  text.resize(std::max<ssize_t>(pread(output, text.data(), text.size(), from), 0));
  return text;
}

}  // namespace

void expect_answer() {
  const long begin = milliseconds();
  EXPECT_TRUE(run([] { return execl("/bin/busybox", "true", nullptr); }).exited(0));
  EXPECT_LT(milliseconds() - begin, at_once);
}

AfterOrdeal OrdealTest::endure(const Ordeal& ordeal) {
  AfterOrdeal after;
  calls::put_mark();
  expect_answer();  // it also fills caches
  const Descriptor output(memfd_create("output", MFD_CLOEXEC));
  const ObjectCounts objects = lasting(count_objects());
  const std::string marks = calls::host_marks();
  const long clock = calls::clock_offset();
  {
    Box box;
    box.set_limit(ContainerLimit::Kind::memory, memory);
    box.set_limit(ContainerLimit::Kind::processes, processes);
    box.set_limit(ContainerLimit::Kind::open_files, open_files);
    const pid_t program = start(box, ordeal, output);
    if (program > 0)
      watch(program, ordeal.seconds, after);
    else
      ADD_FAILURE() << "it cannot be started: " << strerror(errno);
    const ContainerLimit used = box.limit(ContainerLimit::Kind::memory);
    after.out_of_memory = used.refusals != 0 || used.victims != 0;
    box.destroy();
    if (program > 0 && !after.in_time) waitpid(program, &after.ending.status, 0);
  }
  after.output = last_of(output);
  EXPECT_OK(ftruncate(output, 0));  // its pages do not count
  ObjectCounts left;
  EXPECT_TRUE(wait_until([&] { return growth(objects, left = lasting(count_objects())).empty(); }))
      << growth(objects, left);
  EXPECT_EQ(calls::difference(marks, calls::host_marks()), "");
  EXPECT_LT(std::abs(calls::clock_offset() - clock), clock_tolerance) << "somebody set the host's clock";
  return after;
}

}  // namespace cv6::guest
