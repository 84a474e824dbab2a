// Helpers that are spawned into containers.

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cv6/container.hpp"
#include "support/helper.hpp"

namespace cv6::guest {
namespace {

const Helper exits{"container-exit", [](std::span<char*> arguments) { return atoi(arguments[0]); }};

const Helper pauses{"container-pause", [](std::span<char*>) -> int {
                      for (;;) pause();
                    }};

// Leaves, and tells of it only if it comes back.
const Helper leaves{"container-leave", [](std::span<char*>) {
                      leave_container();
                      return 9;
                    }};

// Makes an orphan and waits for it: who its parent became, and how it ended.
const Helper adopts{"container-adopt", [](std::span<char*>) {
                      const pid_t middle = fork();
                      if (middle == 0) {
                        if (fork() == 0) {
                          while (getppid() == 2) sched_yield();
                          dprintf(1, "%d ", getppid());
                          _exit(7);
                        }
                        _exit(0);
                      }
                      int status = 0;
                      for (int i = 0; i < 2; ++i)
                        if (wait(&status) != middle) dprintf(1, "%d\n", WEXITSTATUS(status));
                      return 0;
                    }};

// What a spawned process finds: pid, parent, container, directory and how many descriptors are open.
const Helper tells{"container-tell", [](std::span<char*>) {
                     int open = 0;
                     for (int fd = 0; fd < 1024; ++fd) open += fcntl(fd, F_GETFD) >= 0;
                     char directory[512] = "?";
                     getcwd(directory, sizeof directory);
                     dprintf(1, "%d %d %d %s %d\n", getpid(), getppid(), cid(), directory, open);
                     return 0;
                   }};

}  // namespace
}  // namespace cv6::guest
