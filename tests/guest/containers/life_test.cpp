// What is remembered about a container: what it printed, when it began and ended and how, its name, notes; when it goes.
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <ctime>

#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/helper.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

using Open = ContainerConsoleOpen;
using Stream = ContainerConsoleEntry::Stream;

// "container-say OUTPUT ERROR"
const Helper says{"container-say", [](std::span<char*> words) -> int {
                    (void)!write(1, words[0], strlen(words[0]));
                    (void)!write(2, words[1], strlen(words[1]));
                    return 0;
                  }};
// "container-flood COUNT": so many lines of 64 bytes, numbered.
const Helper floods{"container-flood", [](std::span<char*> words) -> int {
                      for (int i = 0; i < atoi(words[0]); ++i) dprintf(1, "%063d\n", i);
                      return 0;
                    }};

class ContainerConsoles : public Containers {};
class ContainerLives : public Containers {};
class ContainerNotes : public Containers {};

Descriptor open_console(int container, std::uint32_t flags, int forward = -1) {
  return Descriptor(open_container_console({container, flags, forward}));
}

struct Entry {
  Stream stream;
  std::string text;
  std::uint64_t time;
  bool operator==(const Entry& other) const { return stream == other.stream && text == other.text; }
};
std::ostream& operator<<(std::ostream& out, const Entry& entry) {
  return out << static_cast<unsigned>(entry.stream) << ":" << entry.text;
}

// All that a read gives.
std::vector<Entry> read_once(int console) {
  static char buffer[2 * ContainerConsoleEntry::enough];
  const ssize_t count = read(console, buffer, sizeof buffer);
  EXPECT_OK(count);
  std::vector<Entry> entries;
  for (ssize_t at = 0; at < count;) {
    ContainerConsoleEntry head;
    memcpy(&head, buffer + at, sizeof head);
    at += sizeof head;
    const std::size_t size = head.stream == Stream::lost ? 0 : head.size;
    entries.push_back({head.stream, std::string(buffer + at, size), head.time});
    at += (size + 7) / 8 * 8;
  }
  return entries;
}
std::vector<Entry> read_all(int console) {
  std::vector<Entry> all;
  while (true) {
    const std::vector<Entry> some = read_once(console);
    if (some.empty()) return all;
    all.insert(all.end(), some.begin(), some.end());
  }
}

// Spawns the helper with its output and error on the console, and waits for it.
void run_logged(const Box& box, const std::string& helper, const std::vector<std::string>& arguments, int output = -1, int error = -1) {
  const Descriptor out = open_console(box.id(), Open::write_output, output), err = open_console(box.id(), Open::write_error, error);
  ASSERT_OK(out.get());
  ASSERT_OK(err.get());
  const pid_t child = spawn_helper(box.id(), helper, arguments, {{out, 1}, {err, 2}});
  ASSERT_OK(child);
  EXPECT_TRUE(reap(child).exited(0));
}

TEST_F(ContainerConsoles, KeepWhatIsPrinted) {
  Box box;
  EXPECT_TRUE(read_all(open_console(box.id(), 0)).empty());
  run_logged(box, "container-say", {"hello\n", "oh\n"});
  const std::vector<Entry> wanted = {{Stream::output, "hello\n", 0}, {Stream::error, "oh\n", 0}};
  const Descriptor console = open_console(box.id(), 0);
  const auto entries = read_all(console);
  EXPECT_EQ(entries, wanted);
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_LE(entries[0].time, entries[1].time);
  EXPECT_NEAR(static_cast<double>(entries[1].time) / 1e9, static_cast<double>(now.tv_sec), 60);
  EXPECT_TRUE(read_all(console).empty());
  EXPECT_EQ(read_all(open_console(box.id(), 0)), wanted) << "for each reader";
  EXPECT_TRUE(read_all(open_console(box.id(), Open::new_only)).empty());
}

TEST_F(ContainerConsoles, PassOnWhatIsPrinted) {
  Box box;
  Pipe output, error;
  run_logged(box, "container-say", {"hello", "oh"}, output.write, error.write);
  output.write.close();
  error.write.close();
  char text[16] = {};
  EXPECT_EQ(read(output.read, text, sizeof text), 5);
  EXPECT_STREQ(text, "hello");
  EXPECT_EQ(read(output.read, text, sizeof text), 0) << "nobody holds it after the program's end";
  EXPECT_EQ(read(error.read, text, sizeof text), 2);
  EXPECT_EQ(read(error.read, text, sizeof text), 0);
}

TEST_F(ContainerConsoles, WhatIsNotSeenIsNotLogged) {
  Box box;
  Pipe pipe(O_NONBLOCK);
  const Descriptor console = open_console(box.id(), Open::write_output, pipe.write);
  std::string large(200'000, 'x');
  const ssize_t written = write(console, large.data(), large.size());
  EXPECT_EQ(written, 65536);
  std::size_t logged = 0;
  for (const Entry& entry : read_all(open_console(box.id(), 0))) logged += entry.text.size();
  EXPECT_EQ(logged, 65536u);
  pipe.read.close();
  signal(SIGPIPE, SIG_IGN);
  EXPECT_ERRNO(EPIPE, write(console, "x", 1));
  signal(SIGPIPE, SIG_DFL);
}

TEST_F(ContainerConsoles, AnswerAsWhatTheyForwardTo) {
  Box box;
  Pipe pipe;
  winsize size{};
  EXPECT_ERRNO(ENOTTY, ioctl(open_console(box.id(), Open::write_output, pipe.write), TIOCGWINSZ, &size));
  EXPECT_ERRNO(ENOTTY, ioctl(open_console(box.id(), Open::write_output), TIOCGWINSZ, &size));
  const Descriptor console = open_console(box.id(), Open::write_output, pipe.write);
  char byte;
  EXPECT_ERRNO(EBADF, read(console, &byte, 1));
  pollfd look{console, POLLOUT, 0};
  EXPECT_EQ(poll(&look, 1, 0), 1);
}

TEST_F(ContainerConsoles, KeepTheNewest) {
  Box box;
  constexpr int lines = 10'000;
  run_logged(box, "container-flood", {std::to_string(lines)});
  const auto entries = read_all(open_console(box.id(), 0));
  ASSERT_GT(entries.size(), 1000u);
  EXPECT_EQ(entries.front().stream, Stream::lost);
  for (std::size_t i = 1; i < entries.size(); ++i)
    ASSERT_EQ(std::stoi(entries[i].text), lines - static_cast<int>(entries.size() - i));
  EXPECT_LE(box.stat().memory_peak, 2'000'000u);
}

TEST_F(ContainerConsoles, CanBeFollowed) {
  Box box;
  Pipe go;
  const pid_t inside = box.start([&] { go.wait(); });
  wait_until([&] { return box.processes() == 1; });
  const Descriptor writer = open_console(box.id(), Open::write_output);
  const pid_t reader = spawn_checked([&] {
    const Descriptor console = open_console(box.id(), Open::follow);
    EXPECT_EQ(read_once(console).size(), 1u);  // blocks until there is one
    EXPECT_TRUE(read_once(console).empty());   // blocks until the container is empty
  });
  wait_until_blocked(reader);
  EXPECT_EQ(write(writer, "x", 1), 1);
  wait_until_blocked(reader);
  go.notify();
  EXPECT_TRUE(reap(inside).exited(0));
  EXPECT_TRUE(reap(reader).exited(0));
}

TEST_F(ContainerConsoles, FollowersEndWithTheContainer) {
  Box box;
  const pid_t inside = box.start([] { pause(); });
  wait_until([&] { return box.processes() == 1; });
  const pid_t reader = spawn_checked([&] { EXPECT_TRUE(read_all(open_console(box.id(), Open::follow)).empty()); });
  wait_until_blocked(reader);
  box.destroy();
  EXPECT_TRUE(reap(reader).exited(0));
  EXPECT_TRUE(reap(inside).killed_by(SIGKILL));
}

TEST_F(ContainerConsoles, RefuseNonsense) {
  Box box;
  EXPECT_ERRNO(EINVAL, open_container_console({box.id(), 1u << 20}));
  EXPECT_ERRNO(EINVAL, open_container_console({box.id(), Open::write_output | Open::write_error}));
  EXPECT_ERRNO(EINVAL, open_container_console({box.id(), Open::write_output | Open::follow}));
  EXPECT_ERRNO(EBADF, open_container_console({box.id(), Open::write_output, 999}));
  const Descriptor read_only = open_file("/dev/null", O_RDONLY);
  EXPECT_ERRNO(EBADF, open_container_console({box.id(), Open::write_output, read_only}));
  EXPECT_ERRNO(ESRCH, open_container_console({1'000'000, 0}));
  char small[64];
  const Descriptor console = open_console(box.id(), 0);
  EXPECT_ERRNO(EINVAL, read(console, small, sizeof small));
  const Descriptor nonblocking = open_console(box.id(), Open::follow | Open::nonblock);
  static char room[ContainerConsoleEntry::enough];
  EXPECT_EQ(read(nonblocking, room, sizeof room), 0) << "nobody is inside: the end";
}

// --- life -------------------------------------------------------------------------------------------------------------

TEST_F(ContainerLives, AreRemembered) {
  Box box;
  EXPECT_NE(box.stat().created, 0u);
  EXPECT_EQ(box.stat().started, 0u);
  EXPECT_EQ(box.stat().starts, 0u);
  const pid_t child = spawn_helper(box.id(), "container-pause");
  ASSERT_OK(child);
  ContainerStat stat = box.stat();
  EXPECT_EQ(stat.first_process, child);
  EXPECT_GE(stat.started, stat.created);
  EXPECT_EQ(stat.ended, 0u);
  kill(child, SIGKILL);
  EXPECT_TRUE(reap(child).killed_by(SIGKILL));
  stat = box.stat();
  EXPECT_EQ(stat.first_process, 0);
  EXPECT_GE(stat.ended, stat.started);
  EXPECT_EQ(stat.status, SIGKILL);
  EXPECT_EQ(stat.starts, 1u);
  const pid_t again = spawn_helper(box.id(), "container-exit", {"7"});
  EXPECT_TRUE(reap(again).exited(7));
  EXPECT_EQ(WEXITSTATUS(box.stat().status), 7);
  EXPECT_EQ(box.stat().starts, 2u);
}

TEST_F(ContainerLives, CanBeWaitedFor) {
  Box box;
  EXPECT_EQ(wait_container(box.id()), 0);
  const pid_t child = spawn_helper(box.id(), "container-pause");
  ASSERT_OK(child);
  const int id = box.id();
  const pid_t waiter = spawn_checked([=] { EXPECT_EQ(wait_container(id), SIGTERM); });
  wait_until_blocked(waiter);
  kill(child, SIGTERM);
  EXPECT_TRUE(reap(waiter).exited(0));
  EXPECT_TRUE(reap(child).killed_by(SIGTERM));
  EXPECT_ERRNO(ESRCH, wait_container(1'000'000));
}

TEST_F(ContainerLives, TemporaryOnesEndWithTheirProcesses) {
  ContainerCreate wanted;
  wanted.flags = ContainerCreate::temporary;
  const int id = create_container(wanted);
  ASSERT_OK(id);
  ContainerStat stat;
  stat.id = id;
  ASSERT_OK(stat_container(stat));
  EXPECT_EQ(stat.flags, ContainerCreate::temporary);
  const pid_t child = spawn_helper(id, "container-exit", {"3"});
  ASSERT_OK(child);
  EXPECT_TRUE(reap(child).exited(3));
  EXPECT_TRUE(wait_until([&] { return stat_container(stat) == -1 && errno == ESRCH; }));
}

TEST_F(ContainerLives, TemporaryOnesLeaveNothing) {
  const auto once = [] {
    ContainerCreate wanted;
    wanted.flags = ContainerCreate::temporary;
    const int id = create_container(wanted);
    reap(spawn_helper(id, "container-exit", {"0"}));
    ContainerStat stat;
    stat.id = id;
    wait_until([&] { return stat_container(stat) == -1; });
  };
  for (int i = 0; i < 20; ++i) once();
  const ObjectCounts before = count_objects();
  for (int i = 0; i < 100; ++i) once();
  const ObjectCounts after = count_objects();
  for (const char* kind : {"container", "process", "view_directory", "pid"})
    EXPECT_LE(after.at(kind), before.at(kind) + 2) << kind;
}

TEST_F(ContainerLives, UnknownWishesAreRefused) {
  ContainerCreate wanted;
  wanted.flags = 1u << 20;
  EXPECT_ERRNO(EINVAL, create_container(wanted));
}

// --- names and notes --------------------------------------------------------------------------------------------------

TEST_F(ContainerNotes, AreGivenBack) {
  Box box;
  char text[32] = {};
  ContainerAnnotation note{box.id(), ContainerAnnotation::Operation::get, text, sizeof text};
  EXPECT_EQ(container_annotation(note), 0);
  char wanted[] = "remember the milk";
  EXPECT_EQ(container_annotation({box.id(), ContainerAnnotation::Operation::set, wanted, 17}), 17);
  EXPECT_EQ(container_annotation(note), 17);
  EXPECT_STREQ(text, wanted);
  note.size = 8;
  memset(text, 0, sizeof text);
  EXPECT_EQ(container_annotation(note), 17);
  EXPECT_STREQ(text, "remember");
  EXPECT_ERRNO(EINVAL, container_annotation({box.id(), ContainerAnnotation::Operation::set, wanted, ContainerAnnotation::longest + 1}));
  EXPECT_ERRNO(EFAULT, container_annotation({box.id(), ContainerAnnotation::Operation::set, nullptr, 10}));
  EXPECT_EQ(container_annotation({box.id(), ContainerAnnotation::Operation::set, wanted, 0}), 0);
  EXPECT_EQ(container_annotation(note), 0);
}

TEST_F(ContainerNotes, ContainersCanBeRenamed) {
  Box first, second;
  EXPECT_OK(rename_container(first.id(), "first-one"));
  EXPECT_STREQ(first.stat().name, "first-one");
  EXPECT_ERRNO(EEXIST, rename_container(second.id(), "first-one"));
  EXPECT_OK(rename_container(first.id(), "first-one"));
  for (const char* bad : {"", "a b", "a/b", "a\n"}) EXPECT_ERRNO(EINVAL, rename_container(first.id(), bad)) << bad;
  EXPECT_ERRNO(EINVAL, rename_container(first.id(), std::string(65, 'x').c_str()));
  ContainerStat stat;
  stat.which = ContainerStat::Which::by_name;
  strcpy(stat.name, "first-one");
  EXPECT_OK(stat_container(stat));
  EXPECT_EQ(stat.id, first.id());
  EXPECT_OK(rename_container(first.id(), "other"));
  EXPECT_OK(rename_container(second.id(), "first-one"));
  EXPECT_ERRNO(ESRCH, rename_container(1'000'000, "x"));
}

TEST_F(ContainerNotes, NobodyInsideChangesThem) {
  Box box;
  EXPECT_INSIDE(box, {
    EXPECT_ERRNO(ESRCH, rename_container(box.id(), "x"));
    EXPECT_ERRNO(ESRCH, open_container_console({box.id(), 0}));
    EXPECT_ERRNO(ESRCH, container_annotation({box.id(), ContainerAnnotation::Operation::get, nullptr, 0}));
  });
}

// --- descriptors ------------------------------------------------------------------------------------------------------

std::vector<ContainerDescriptor> descriptors_of(int container) {
  std::vector<ContainerDescriptor> all;
  ContainerDescriptor one;
  one.id = container;
  while (container_descriptor(one) == 0) all.push_back(one);
  EXPECT_EQ(errno, ESRCH);
  return all;
}

class ContainerDescriptors : public Containers {};

TEST_F(ContainerDescriptors, HaveNumbersOfTheContainer) {
  Box box;
  EXPECT_TRUE(descriptors_of(box.id()).empty());
  const Descriptor null = open_file("/dev/null", O_RDWR);
  const pid_t first = spawn_helper(box.id(), "container-pause", {}, {{null, 0}, {null, 5}});
  const pid_t second = spawn_helper(box.id(), "container-pause", {}, {{null, 7}});
  ASSERT_OK(second);
  auto all = descriptors_of(box.id());
  ASSERT_EQ(all.size(), 3u);
  const std::pair<pid_t, int> wanted[] = {{first, 0}, {first, 5}, {second, 7}};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(all[i].container_descriptor, i);
    EXPECT_EQ(all[i].process, wanted[i].first);
    EXPECT_EQ(all[i].descriptor, wanted[i].second);
    EXPECT_STREQ(all[i].name, "/dev/null");
    EXPECT_TRUE(all[i].readable && all[i].writable);
  }
  const pid_t third = spawn_helper(box.id(), "container-pause", {}, {{null, 0}});
  EXPECT_EQ(descriptors_of(box.id()).back().container_descriptor, 3);
  kill(second, SIGKILL);
  reap(second);
  const pid_t fourth = spawn_helper(box.id(), "container-pause", {}, {{null, 0}});
  EXPECT_EQ(descriptors_of(box.id()).back().container_descriptor, 2) << "the lowest that is free";
  for (const pid_t child : {third, fourth, first}) {
    kill(child, SIGKILL);
    reap(child);
  }
  EXPECT_TRUE(descriptors_of(box.id()).empty());
}

TEST_F(ContainerDescriptors, OfThoseWhoJoinAreNumberedToo) {
  Box box;
  Pipe joined, go;
  const pid_t child = spawn_checked([&] {
    const Descriptor mine = open_file("/dev/zero", O_RDONLY);
    ASSERT_OK(join_container(box.id()));
    joined.notify();
    go.wait();
    ASSERT_OK(leave_container());
    joined.notify();
    go.wait();
  });
  joined.wait();
  const auto inside = descriptors_of(box.id());
  EXPECT_GE(inside.size(), 5u);
  std::vector<bool> seen(inside.size());
  for (const ContainerDescriptor& one : inside) {
    ASSERT_LT(static_cast<std::size_t>(one.container_descriptor), seen.size());
    EXPECT_FALSE(seen[static_cast<std::size_t>(one.container_descriptor)]);
    seen[static_cast<std::size_t>(one.container_descriptor)] = true;
    EXPECT_EQ(one.process, child);
  }
  go.notify();
  joined.wait();
  EXPECT_TRUE(descriptors_of(box.id()).empty());
  go.notify();
  EXPECT_TRUE(reap(child).exited(0));
}

// --- nesting ----------------------------------------------------------------------------------------------------------

class NestedContainers : public Containers {
 protected:
  static ContainerCreate nesting() {
    ContainerCreate wanted;
    wanted.flags = ContainerCreate::may_nest;
    return wanted;
  }
};

TEST_F(NestedContainers, AreMadeOnlyWhereAllowed) {
  Box box;
  EXPECT_INSIDE(box, EXPECT_ERRNO(EPERM, create_container({})));
  Box allowing(nesting());
  EXPECT_INSIDE(allowing, {
    Box inner;
    EXPECT_EQ(inner.stat().depth, 2u);
    EXPECT_EQ(inner.stat().parent, allowing.id());
    EXPECT_INSIDE(inner, {
      EXPECT_EQ(cid(), inner.id());
      EXPECT_ERRNO(EPERM, create_container({}));
    });
  });
}

TEST_F(NestedContainers, SeeNeitherUpNorSideways) {
  Box outer(nesting()), sibling;
  EXPECT_INSIDE(outer, {
    Box inner;
    ContainerStat stat;
    for (const int other : {outer.id(), sibling.id(), host_container}) {
      stat.id = other;
      EXPECT_ERRNO(ESRCH, stat_container(stat));
      EXPECT_ERRNO(ESRCH, destroy_container(other));
      EXPECT_ERRNO(ESRCH, join_container(other));
    }
    stat.id = host_container;
    stat.which = ContainerStat::Which::next_after_id;
    ASSERT_OK(stat_container(stat));
    EXPECT_EQ(stat.id, inner.id());
    stat.which = ContainerStat::Which::next_after_id;
    EXPECT_ERRNO(ESRCH, stat_container(stat));
  });
}

TEST_F(NestedContainers, AreSeenFromTheHost) {
  Box outer(nesting());
  Pipe made, go;
  const pid_t child = outer.start([&] {
    Box inner;
    const int id = inner.id();
    EXPECT_EQ(write(made.write, &id, sizeof id), static_cast<ssize_t>(sizeof id));
    go.wait();
  });
  int id = -1;
  ASSERT_EQ(read(made.read, &id, sizeof id), static_cast<ssize_t>(sizeof id));
  ContainerStat stat;
  stat.id = id;
  ASSERT_OK(stat_container(stat));
  EXPECT_EQ(stat.parent, outer.id());
  go.notify();
  EXPECT_TRUE(reap(child).exited(0));
}

TEST_F(NestedContainers, GoWithTheOnesAbove) {
  Box outer(nesting());
  Pipe made;
  const pid_t child = outer.start([&] {
    const int id = create_container(nesting());
    ASSERT_OK(id);
    const pid_t inside = spawn([id] {
      if (join_container(id) != 0) return 1;
      const int deepest = create_container({});
      const pid_t last = fork();
      if (last == 0) {
        join_container(deepest);
        pause();
      }
      pause();
      return 0;
    });
    wait_until_blocked(inside);
    made.notify();
    pause();
  });
  made.wait();
  outer.destroy();
  EXPECT_TRUE(reap(child).killed_by(SIGKILL));
  ContainerStat stat;
  stat.which = ContainerStat::Which::next_after_id;
  EXPECT_ERRNO(ESRCH, stat_container(stat)) << stat.name;
}

TEST_F(NestedContainers, KeepToTheLimitsAbove) {
  Box outer(nesting());
  ContainerLimit limit;
  limit.id = outer.id();
  limit.operation = ContainerLimit::Operation::set;
  limit.limit = 3;
  ASSERT_OK(container_limit(limit));
  EXPECT_INSIDE(outer, {
    Box inner;
    EXPECT_INSIDE(inner, {
      const pid_t child = fork();  // the third: below the one that joined the outer one
      ASSERT_OK(child);
      if (child == 0) {
        pause();
        _exit(0);
      }
      EXPECT_ERRNO(EAGAIN, fork());
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    });
    ContainerLimit below;
    below.id = inner.id();
    EXPECT_OK(container_limit(below));
    EXPECT_EQ(below.peak, 2u);
    EXPECT_EQ(below.refusals, 0u) << "it was refused above";
  });
  limit.operation = ContainerLimit::Operation::get;
  ASSERT_OK(container_limit(limit));
  EXPECT_EQ(limit.current, 0u);
  EXPECT_GE(limit.refusals, 1u);
}

TEST_F(NestedContainers, ShowTheFilesOfTheOneAbove) {
  Box outer(nesting());
  EXPECT_INSIDE(outer, {
    const Descriptor file = open_file("/tmp/of-outer", O_CREAT | O_WRONLY);
    ASSERT_OK(file.get());
    Box inner;
    EXPECT_INSIDE(inner, {
      EXPECT_OK(access("/tmp/of-outer", F_OK));
      EXPECT_OK(unlink("/tmp/of-outer"));
    });
    EXPECT_OK(access("/tmp/of-outer", F_OK));
  });
  EXPECT_ERRNO(ENOENT, access("/tmp/of-outer", F_OK));
}

}  // namespace
}  // namespace cv6::guest
