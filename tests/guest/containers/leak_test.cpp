// What is left of a container when it has ended: nothing.

#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/epoll.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/soak.hpp"
#include "support/socket.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class ContainerLeaks : public ContainersAndFiles {
 protected:
  void SetUp() override {
    ContainersAndFiles::SetUp();
    write_file("file", "text");
  }
};

bool rose_by_stories(const ObjectCounts& before, const ObjectCounts& after, int rounds) {
  return std::ranges::any_of(after, [&](const auto& entry) {
    const auto old = before.find(entry.first);
    return entry.second - (old == before.end() ? 0 : old->second) >= rounds / 2;
  });
}

constexpr int batches = 4;

// The story is told so many times; afterwards there is no object more than after the first few times.
void expect_no_growth(int rounds, const std::function<void(int)>& story) {
  for (int i = 0; i < 20; ++i) story(i);
  const ObjectCounts first = count_objects();
  ObjectCounts before, after = first;
  for (int batch = 0; batch < batches; ++batch) {
    before = after;
    for (int i = 0; i < rounds && !testing::Test::HasFailure(); ++i) story(i);
    // What ends a little after its parent has been told of it may still be there for a moment.
    const auto settled = wait_until([&] { return growth(lasting(first), lasting(count_objects())).empty(); });
    ASSERT_TRUE(settled) << growth(first, count_objects());
    after = count_objects();
    if (!rose_by_stories(before, after, rounds)) return;
  }
  ADD_FAILURE() << "each time: " << growth(before, after);
}

// An epoll that watches one of each kind, all of them ready, and is watched itself.
void watch_events() {
  const EpollSet epoll, outer;
  const Pipe pipe;
  const Blocked blocked({SIGUSR1});
  const Descriptor event(eventfd(1, 0)), timer(timerfd_create(CLOCK_REALTIME, 0)), signals(signalfd(-1, &blocked.set(), 0));
  const itimerspec soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_nsec = 1}};
  timerfd_settime(timer, 0, &soon, nullptr);
  for (const int fd : {pipe.read.get(), event.get(), timer.get(), signals.get()}) epoll.add(fd, EPOLLIN);
  outer.add(epoll, EPOLLIN | EPOLLET);
  raise(SIGUSR1);
  outer.ready(-1);
  epoll.wait();
  signalfd_siginfo info;
  EXPECT_EQ(read(signals, &info, sizeof info), (ssize_t)sizeof info);  // or it would come when it is blocked no more
}

TEST_F(ContainerLeaks, OfEpolls) {
  expect_no_growth(times(200), [](int) {
    Box box;
    EXPECT_INSIDE(box, watch_events());
    EXPECT_CHILD(watch_events());
  });
}

TEST_F(ContainerLeaks, OfEmptyOnes) {
  expect_no_growth(times(1000), [](int) { Box box; });
}

TEST_F(ContainerLeaks, OfSpawned) {
  expect_no_growth(times(300), [](int round) {
    Box box;
    const pid_t pid = spawn_helper(box.id(), round % 2 ? "container-exit" : "container-pause", {"0"});
    ASSERT_OK(pid);
    if (round % 3) box.destroy();
    if (round % 2 == 0) kill(pid, SIGKILL);
    reap(pid);
  });
}

TEST_F(ContainerLeaks, OfJoinedThatLeave) {
  EXPECT_CHILD(expect_no_growth(times(1000), [](int) {
    Box box;
    ASSERT_OK(join_container(box.id()));
    write_file("file", "changed");
    const Descriptor file = open_file("file", O_RDWR);
    Mapping mapping(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file);
    *mapping.as() = 'm';
    ASSERT_OK(leave_container());
  }));
}

// Leaving ends those who have no home outside; also where the call is logged.
TEST_F(ContainerLeaks, OfResidentsThatLeave) {
  expect_no_growth(times(300), [](int round) {
    Box box;
    if (round % 2) {
      ContainerLog log;
      log.id = box.id();
      log.operation = ContainerLog::Operation::set;
      log.what = ContainerLog::records;
      log.capacity = 16;
      ASSERT_OK(container_log(log));
    }
    const pid_t pid = spawn_helper(box.id(), "container-leave");
    ASSERT_OK(pid);
    EXPECT_TRUE(reap(pid).exited(0));
  });
}

TEST_F(ContainerLeaks, OfThreadsThatMoved) {
  EXPECT_CHILD(expect_no_growth(times(100), [](int) {
    Box box;
    ASSERT_OK(join_container(box.id()));
    std::atomic<bool> stop{false};
    std::thread inside([&] {
      while (!stop) sched_yield();
    });
    ASSERT_OK(leave_container());
    box.destroy();
    stop = true;
    inside.join();
  }));
}

// The container is gone while a thread that was made inside lives on.
TEST_F(ContainerLeaks, NoThreadKeepsAContainer) {
  EXPECT_CHILD({
    std::atomic<bool> stop{false};
    const ObjectCounts before = count_objects();
    Box box;
    ASSERT_OK(join_container(box.id()));
    std::thread inside([&] {
      while (!stop) sched_yield();
    });
    ASSERT_OK(leave_container());
    box.destroy();
    EXPECT_TRUE(wait_until([&] { return count_objects()["container"] == before.at("container"); }));
    stop = true;
    inside.join();
  });
}

TEST_F(ContainerLeaks, OfKilledFamilies) {
  expect_no_growth(times(150), [](int) {
    Box box;
    Pipe begun;
    const pid_t joined = box.start([&] {
      for (int i = 0; i < 3; ++i)
        spawn([&] {
          begun.notify();
          for (;;) pause();
          return 0;
        });
      for (;;) pause();
    });
    for (int i = 0; i < 3; ++i) begun.wait();
    box.destroy();
    reap(joined);
  });
}

TEST_F(ContainerLeaks, OfChangedFiles) {
  ASSERT_OK(mkdir("directory", 0755));
  for (int i = 0; i < 10; ++i) write_file("directory/f" + std::to_string(i), "text");
  ASSERT_OK(link("file", "hard"));
  EXPECT_CHILD(expect_no_growth(times(200), [](int) {
    Box box;
    ASSERT_OK(join_container(box.id()));
    write_file("hard", "changed");
    unlink("file");
    rename("directory", "elsewhere");
    mkdir("directory", 0755);
    for (int i = 0; i < 10; ++i) {
      write_file("directory/n" + std::to_string(i), "new");
      write_file("elsewhere/f" + std::to_string(i), "changed");
    }
    mkdir("a", 0755);
    mkdir("a/b", 0755);
    mkdir("a/b/c", 0755);
    symlink("x", "a/b/c/link");
    ASSERT_OK(leave_container());
  }));
}

// Volumes, of directories and files, on targets that are made; images; and a process that looks at the files.
TEST_F(ContainerLeaks, OfVolumesImagesAndViews) {
  ASSERT_OK(mkdir("image", 0755));
  ASSERT_OK(mkdir("image/proc", 0755));
  ASSERT_OK(mkdir("shared", 0755));
  write_file("image/name", "image");
  write_file("shared/file", "shared");
  EXPECT_CHILD(expect_no_growth(times(1000), [](int round) {
    ContainerCreate wanted;
    wanted.root = "image";
    if (round % 2) wanted.flags = ContainerCreate::read_only_root;
    Box box(wanted);
    for (const auto& [source, target] : {std::pair{"shared", "/a/b/c"}, std::pair{"shared/file", "/a/file"}}) {
      ASSERT_OK(mount_into(box, source, target, round % 3 ? 0 : ContainerMount::read_only));
    }
    ASSERT_OK(join_container(box.id()));
    if (round % 3) write_file("/a/b/c/file", "written");
    if (round % 2 == 0) write_file("/name", "changed");
    ASSERT_OK(leave_container());
    const Descriptor here = open_file(".", O_RDONLY | O_DIRECTORY);
    ASSERT_OK(view_container(box.id()));
    EXPECT_EQ(read_file("/a/file").empty(), false);
    ASSERT_OK(view_container(host_container));
    ASSERT_OK(fchdir(here));
  }));
}

// Tables that are everybody's grow on nobody's account: of the names of sockets, and of a directory outside, with the names
// that are in it and those that were looked for.
TEST_F(ContainerLeaks, OfTablesThatGrew) {
  ASSERT_OK(mkdir("shared", 0755));
  const ObjectCounts before = count_objects();
  {
    Box box;
    ASSERT_OK(mount_into(box, "shared", "/shared"));
    EXPECT_INSIDE(box, {
      constexpr int names = 3000;
      const rlimit files{names + 100, names + 100};
      ASSERT_OK(setrlimit(RLIMIT_NOFILE, &files));
      for (int i = 0; i < names; ++i) {
        const int socket = make_socket().release();
        ASSERT_OK(bind_to(socket, abstract_name(std::to_string(i))));
      }
      for (int i = 0; i < 600; ++i) {
        const std::string name = "/shared/" + std::to_string(i);
        EXPECT_ERRNO(ENOENT, access((name + "-missing").c_str(), F_OK));
        ASSERT_OK(mkdir(name.c_str(), 0755));
      }
    });
  }
  EXPECT_TRUE(wait_until([&] { return count_objects()["guest_memory"] == before.at("guest_memory"); }))
      << growth(before, count_objects());
}

TEST_F(ContainerLeaks, OfRefusedCalls) {
  Box box;
  expect_no_growth(times(300), [&](int) {
    EXPECT_ERRNO(ENOENT, [&] {
      ContainerSpawn wanted;
      wanted.id = box.id();
      wanted.path = "/none";
      return spawn_container(wanted);
    }());
    EXPECT_ERRNO(EBADF, spawn_helper(box.id(), "container-exit", {"0"}, {{999, 1}}));
    ContainerCreate taken;
    const ContainerStat stat = box.stat();
    taken.name = stat.name;
    EXPECT_ERRNO(EEXIST, create_container(taken));
  });
}

}  // namespace
}  // namespace cv6::guest
