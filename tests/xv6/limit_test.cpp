// Until there is no more: processes, memory, space for files. What needs the limits of a container made for xv6
// programs (64 processes, 224 MB) runs only there: `box run --abi xv6`.
#include "support/test.hpp"

namespace {

bool has_limits() { return cid() != -1; }

}  // namespace

TEST(Limit, ForksUntilItFails) {
  if (!has_limits()) return;
  int pids[NPROC], children = 0;
  for (; children < NPROC; ++children) {
    pids[children] = in_child([] { sleep(100000); });
    if (pids[children] < 0) break;
  }
  EXPECT(children > NPROC - 10 && children < NPROC);
  EXPECT(fork() == -1);
  for (int i = 0; i < children; ++i) EXPECT(kill(pids[i]) == 0);
  for (int i = 0; i < children; ++i) EXPECT(wait() > 0);
  EXPECT(wait() == -1);
  EXPECT(survives([] {}));
}

// Zombies count as long as nobody has waited for them.
TEST(Limit, ZombiesCount) {
  if (!has_limits()) return;
  int children = 0;
  for (int pid; children < 1000 && (pid = in_child([] {})) > 0;) ++children;
  EXPECT(children > NPROC - 10 && children < NPROC);
  EXPECT(wait() > 0);
  EXPECT(in_child([] {}) > 0);
  for (int i = 0; i < children; ++i) EXPECT(wait() > 0);
  EXPECT(wait() == -1);
}

// As much as there is; it can be given back and used again.
TEST(Limit, MallocUntilItFails) {
  if (!has_limits()) return;
  EXPECT(survives([] {
    void* last = nullptr;
    int blocks = 0;
    for (void* block; (block = malloc(100001)) != nullptr; ++blocks) {
      *static_cast<void**>(block) = last;
      last = block;
    }
    EXPECT(blocks > 500);
    while (last) {
      void* before = *static_cast<void**>(last);
      free(last);
      last = before;
    }
    EXPECT(malloc(1024 * 20) != nullptr);
    sbrk(-65536);  // room for saying so
  }));
}

// No room for a copy of its memory: fork fails, and the caller goes on.
TEST(Limit, ForkOfALargeProgramFails) {
  if (!has_limits()) return;
  constexpr int large = 150 * 1024 * 1024;
  char* before = sbrk(large);
  EXPECT(before != reinterpret_cast<char*>(-1));
  before[0] = 1;
  EXPECT(fork() == -1);
  EXPECT(before[0] == 1 && sbrk(-large) == before + large);
  EXPECT(survives([] {}));
}

TEST(Limit, FilesUntilThereIsNoRoom) {
  if (!has_limits()) return;
  static char block[BSIZE * 64];
  char name[] = "f0000";
  const auto number = [&](int i) {
    for (int digit = 4; digit > 0; --digit, i /= 10) name[digit] = static_cast<char>('0' + i % 10);
  };
  int files = 0;
  for (bool room = true; room && files < 9999; ++files) {
    number(files);
    const int file = open(name, O_CREATE | O_RDWR);
    if (file < 0) break;
    room = write(file, block, sizeof block) == sizeof block && write(file, block, sizeof block) == sizeof block;
    EXPECT(close(file) == 0);
  }
  EXPECT(files > 100 && files < 9999);
  while (files-- > 0) {
    number(files);
    EXPECT(unlink(name) == 0);
  }
  EXPECT(make_file("again", "there is room"));
}

// Containers that were not made with --nesting have none below them.
TEST(Limit, NoContainersInside) {
  if (!has_limits()) return;
  EXPECT(create_container() == -1);
  EXPECT(join_container(cid()) == -1 && destroy_container(cid()) == -1);
  EXPECT(scheduler_log_off() == -1 && scheduler_log_on() == 0 && scheduler_log_on() == -1 && scheduler_log_off() == 0);
  EXPECT(memory_log_off() == -1 && memory_log_on() == 0 && memory_log_on() == -1 && memory_log_off() == 0);
}
