// Many processes at once that fork, pipe, signal and fault. CV6_STRESS multiplies the work (default 1: a few seconds).

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

constexpr int workers = 8;

// `count` times the factor of CV6_STRESS.
int times_factor(int count) {
  const char* value = getenv("CV6_STRESS");
  const double factor = value ? atof(value) : 1;
  return std::max(1, static_cast<int>(count * (factor > 0 ? factor : 1)));
}

// Runs the body in so many processes at once; each gets its number, all must end with 0.
void in_parallel(int count, const std::function<int(int)>& body) {
  std::vector<pid_t> pids;
  for (int i = 0; i < count; ++i) {
    pids.push_back(spawn([&, i] { return body(i); }));
    ASSERT_OK(pids.back());
  }
  for (const pid_t pid : pids) {
    const Ending ending = reap(pid);
    EXPECT_TRUE(ending.exited(0)) << ending;
  }
}

class Stress : public TempDir {};

TEST_F(Stress, Forks) {
  const int rounds = times_factor(600);
  in_parallel(workers, [=](int) {
    for (int i = 0; i < rounds; ++i) {
      const int code = i & 0x7f;
      if (!run([=] { return code; }).exited(code)) return 1;
    }
    return 0;
  });
}

TEST_F(Stress, ForkTrees) {
  const std::function<int(int)> grow = [&](int depth) -> int {
    if (depth == 0) return 0;
    const pid_t left = spawn([&] { return grow(depth - 1); });
    const pid_t right = spawn([&] { return grow(depth - 1); });
    if (left == -1 || right == -1) return 1;
    return reap(left).exited(0) && reap(right).exited(0) ? 0 : 1;
  };
  for (int i = 0; i < times_factor(6); ++i) EXPECT_EQ(grow(7), 0);
}

TEST_F(Stress, Execs) {
  const int rounds = times_factor(30);
  in_parallel(4, [=](int) {
    for (int i = 0; i < rounds; ++i) {
      if (!run([]() -> int { become_helper("exit", {"9"}); }).exited(9)) return 1;
    }
    return 0;
  });
}

TEST_F(Stress, PipesInChains) {
  const int rounds = times_factor(800);
  in_parallel(workers / 2, [=](int) {
    Pipe there;
    Pipe back;
    const pid_t echo = spawn([&] {
      there.write.close();
      char block[3000];
      for (ssize_t length; (length = read(there.read, block, sizeof block)) > 0;) {
        for (ssize_t at = 0; at < length;) {
          const ssize_t written = write(back.write, block + at, length - at);
          if (written <= 0) return 1;
          at += written;
        }
      }
      return 0;
    });
    there.read.close();
    back.write.close();
    char out[777], in[777];
    for (int i = 0; i < rounds; ++i) {
      memset(out, i, sizeof out);
      if (write(there.write, out, sizeof out) != (ssize_t)sizeof out) return 1;
      for (std::size_t at = 0; at < sizeof in;) {
        const ssize_t length = read(back.read, in + at, sizeof in - at);
        if (length <= 0) return 2;
        at += length;
      }
      if (memcmp(in, out, sizeof in) != 0) return 3;
    }
    there.write.close();
    return reap(echo).exited(0) ? 0 : 4;
  });
}

std::atomic<int> signals_seen;

TEST_F(Stress, SignalsBackAndForth) {
  const int rounds = times_factor(1200);
  in_parallel(workers / 2, [=](int) {
    Blocked blocked{SIGUSR1, SIGUSR2};
    const pid_t parent = getpid();
    const pid_t partner = spawn([=] {
      const sigset_t first = signal_set({SIGUSR1});
      for (int i = 0; i < rounds; ++i) {
        if (sigwaitinfo(&first, nullptr) != SIGUSR1 || kill(parent, SIGUSR2) == -1) return 1;
      }
      return 0;
    });
    const sigset_t second = signal_set({SIGUSR2});
    for (int i = 0; i < rounds; ++i) {
      if (kill(partner, SIGUSR1) == -1 || sigwaitinfo(&second, nullptr) != SIGUSR2) return 1;
    }
    return reap(partner).exited(0) ? 0 : 2;
  });
}

TEST_F(Stress, SignalStormDuringCalls) {
  // A busy process is signalled while it makes calls and faults: its results stay right.
  const int wanted = times_factor(200);
  Pipe gate;
  const pid_t target = spawn([&] {
    Handler handler(SIGUSR1, [](int) { ++signals_seen; }, SA_RESTART);
    gate.notify();
    Pipe pipe;
    while (signals_seen < wanted) {
      Mapping mapping(8 * page_size);
      for (int i = 0; i < 8; ++i) {
        if (mapping.as()[i * page_size] != 0) return 1;
        mapping.as()[i * page_size] = 1;
      }
      char out[64], in[64];
      memset(out, static_cast<int>(signals_seen), sizeof out);
      if (write(pipe.write, out, sizeof out) != (ssize_t)sizeof out) return 2;
      if (read(pipe.read, in, sizeof in) != (ssize_t)sizeof in || memcmp(in, out, sizeof in) != 0) return 3;
    }
    _exit(0);  // with the handler still in place: signals may still come
    return 0;
  });
  gate.wait();
  while (!has_ended(target)) {
    ASSERT_OK(kill(target, SIGUSR1));
    sched_yield();
  }
  EXPECT_TRUE(reap(target).exited(0));
}

TEST_F(Stress, PageFaults) {
  const int rounds = times_factor(50);
  in_parallel(workers, [=](int number) {
    for (int round = 0; round < rounds; ++round) {
      constexpr std::size_t pages = 256;
      Mapping mapping(pages * page_size);
      if (!mapping.ok()) return 1;
      for (std::size_t i = 0; i < pages; ++i) *mapping.as<std::size_t>(i * page_size) = i * number;
      const Ending ending = run([&] {
        for (std::size_t i = 0; i < pages; ++i) {
          if (*mapping.as<std::size_t>(i * page_size) != i * number) return 1;
          *mapping.as<std::size_t>(i * page_size) = 0;
        }
        return 0;
      });
      if (!ending.exited(0)) return 2;
      for (std::size_t i = 0; i < pages; ++i) {
        if (*mapping.as<std::size_t>(i * page_size) != i * number) return 3;
      }
    }
    return 0;
  });
}

TEST_F(Stress, FilesOfTheSameDirectory) {
  const int rounds = times_factor(150);
  in_parallel(workers, [=](int number) {
    std::mt19937 random(number);
    const std::string own = "own-" + std::to_string(number);
    for (int i = 0; i < rounds; ++i) {
      const std::string name = "shared-" + std::to_string(random() % 6);
      const std::string other = "shared-" + std::to_string(random() % 6);
      switch (random() % 7) {
        case 0:
          Descriptor(open(name.c_str(), O_RDWR | O_CREAT, 0644));
          break;
        case 1:
          unlink(name.c_str());
          break;
        case 2:
          rename(name.c_str(), other.c_str());
          break;
        case 3:
          link(name.c_str(), other.c_str());
          break;
        case 4:
          mkdir(name.c_str(), 0755);
          break;
        case 5:
          rmdir(name.c_str());
          break;
        default:
          symlink(other.c_str(), name.c_str());
          break;
      }
      write_file(own, own);
      if (read_file(own) != own || unlink(own.c_str()) == -1) return 1;
    }
    return 0;
  });
}

TEST_F(Stress, DirectoriesMovedIntoEachOther) {
  // Renames of directories from all sides: no loop may come of it, and no deadlock.
  for (const char* name : {"a", "b", "c", "d"}) ASSERT_OK(mkdir(name, 0755));
  const int rounds = times_factor(400);
  const std::string top = path();
  in_parallel(4, [=](int number) {
    std::mt19937 random(number + 100);
    const std::string names[] = {"a", "b", "c", "d", "a/b", "b/a", "c/d", "d/c", "a/b/c", "c/b/a", "b/c", "d/a"};
    for (int i = 0; i < rounds; ++i) {
      rename(names[random() % std::size(names)].c_str(), names[random() % std::size(names)].c_str());
      struct stat status;
      stat((names[random() % std::size(names)] + "/..").c_str(), &status);
    }
    return exists(top) ? 0 : 1;
  });
  remove_tree("a"), remove_tree("b"), remove_tree("c"), remove_tree("d");
  for (const char* name : {"a", "b", "c", "d"}) EXPECT_FALSE(exists(name));  // all reachable, all gone
}

TEST_F(Stress, ThreadsThatMapAndFork) {
  const int rounds = times_factor(100);
  EXPECT_CHILD({
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 6; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < rounds; ++i) {
          if (t == 0) {
            if (!run([] { return 3; }).exited(3)) ++wrong;
            continue;
          }
          Mapping mapping(16 * page_size);
          for (int p = 0; p < 16; ++p) *mapping.as<int>(p * page_size) = t;
          mprotect(mapping.page(4), 4 * page_size, PROT_READ);
          sched_yield();
          for (int p = 0; p < 16; ++p) {
            if (*mapping.as<int>(p * page_size) != t) ++wrong;
          }
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
  });
}

TEST_F(Stress, ProcessesKilledAtAnyMoment) {
  const int rounds = times_factor(150);
  std::mt19937 random(5);
  for (int i = 0; i < rounds; ++i) {
    Pipe pipe;
    const pid_t victim = spawn([&]() -> int {
      for (;;) {
        Mapping mapping(4 * page_size);
        *mapping.page(1) = std::byte{1};
        char byte = 0;
        write(pipe.write, &byte, 1);
        read(pipe.read, &byte, 1);
        if (run([] { return 0; }).exited(1)) return 1;
      }
    });
    for (unsigned n = random() % 30; n > 0; --n) sched_yield();
    ASSERT_OK(kill(victim, SIGKILL));
    EXPECT_TRUE(reap(victim).killed_by(SIGKILL));
  }
}

TEST_F(Stress, EverythingAtOnce) {
  const int rounds = times_factor(100);
  in_parallel(workers, [=](int number) {
    std::mt19937 random(number * 77);
    const std::string file = "file-" + std::to_string(number);
    for (int i = 0; i < rounds; ++i) {
      switch (random() % 4) {
        case 0:
          if (!run([] { return raise(SIGKILL); }).killed_by(SIGKILL)) return 1;
          break;
        case 1: {
          Pipe pipe;
          const pid_t writer = spawn([&] { return write(pipe.write, "token", 5) == 5 ? 0 : 1; });
          char text[8] = {};
          if (read(pipe.read, text, 5) != 5 || !reap(writer).exited(0)) return 2;
          break;
        }
        case 2: {
          write_file(file, std::string(random() % 20'000, 'e'));
          Descriptor descriptor = open_file(file.c_str(), O_RDWR);
          Mapping mapping(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor);
          if (ftruncate(descriptor, 10'000) == -1) return 3;
          mapping.as()[5] = 'm';
          if (read_file(file)[5] != 'm') return 4;
          break;
        }
        default: {
          std::atomic<int> sum{0};
          std::vector<std::thread> threads;
          for (int t = 0; t < 4; ++t) threads.emplace_back([&] { ++sum; });
          for (auto& thread : threads) thread.join();
          if (sum != 4) return 5;
        }
      }
    }
    return 0;
  });
}

}  // namespace
}  // namespace cv6::guest
