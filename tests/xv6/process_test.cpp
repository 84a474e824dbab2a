// fork, exit, wait, kill, getpid, sleep, uptime, add, and calls that are none.
#include "support/test.hpp"

TEST(Fork, ReturnsTwice) {
  const int parent = getpid();
  int ends[2];
  EXPECT(pipe(ends) == 0);
  const int child = in_child([&] {
    const int mine[2] = {getpid(), parent};
    write(ends[1], mine, sizeof mine);
  });
  EXPECT(child > 0);
  int told[2];
  EXPECT(read(ends[0], told, sizeof told) == sizeof told);
  EXPECT(told[0] == child && told[1] == parent);
  EXPECT(getpid() == parent);
  EXPECT(wait() == child);
}

TEST(Fork, CopiesMemory) {
  static int value = 1;
  char* heap = sbrk(8192);
  heap[5000] = 'a';
  EXPECT(survives([&] {
    if (value != 1 || heap[5000] != 'a') exit();
    value = 2;
    heap[5000] = 'b';
  }));
  EXPECT(value == 1 && heap[5000] == 'a');
}

TEST(Fork, SharesOpenFilesAndTheirPosition) {
  EXPECT(make_file("f", "abcd"));
  const int file = open("f", O_RDONLY);
  char byte;
  EXPECT(survives([&] {
    if (read(file, &byte, 1) != 1 || byte != 'a') exit();
    close(file);
  }));
  EXPECT(read(file, &byte, 1) == 1 && byte == 'b');
}

TEST(Wait, WithoutChildrenFails) { EXPECT(wait() == -1); }

TEST(Wait, FindsEachChildOnce) {
  int pids[5];
  for (int& pid : pids) pid = in_child([] {});
  for (int i = 0; i < 5; ++i) {
    const int ended = wait();
    bool mine = false;
    for (int& pid : pids)
      if (pid == ended) {
        mine = true;
        pid = 0;
      }
    EXPECT(mine);
  }
  EXPECT(wait() == -1);
}

TEST(Exit, ClosesFiles) {
  int ends[2];
  EXPECT(pipe(ends) == 0);
  in_child([&] { write(ends[1], "x", 1); });
  close(ends[1]);
  char bytes[2];
  EXPECT(read(ends[0], bytes, 2) == 1);
  EXPECT(read(ends[0], bytes, 2) == 0);
  EXPECT(wait() > 0);
}

TEST(Kill, EndsOneThatComputes) {
  const int child = in_child([] {
    for (volatile int i = 0;; i = i + 1) {
    }
  });
  EXPECT(kill(child) == 0);
  EXPECT(wait() == child);
}

TEST(Kill, EndsOneThatSleeps) {
  const int child = in_child([] { sleep(100000); });
  sleep(1);
  EXPECT(kill(child) == 0);
  EXPECT(wait() == child);
}

TEST(Kill, EndsOneThatReadsAPipe) {
  int ends[2];
  EXPECT(pipe(ends) == 0);
  const int child = in_child([&] {
    char byte;
    read(ends[0], &byte, 1);
    for (;;) sleep(1);
  });
  EXPECT(kill(child) == 0);
  EXPECT(wait() == child);
}

TEST(Kill, EndsTheCaller) {
  EXPECT(!survives([] { kill(getpid()); }));
}

// One that waits for a child, for a message, at a barrier, for room in a pipe.
TEST(Kill, EndsOneThatWaits) {
  EXPECT(barrier_init(2) == 0);
  int ends[2];
  EXPECT(pipe(ends) == 0);
  static char much[100000], letter[8];
  const int children[] = {
      in_child([] {
        const int grandchild = in_child([] { sleep(20); });
        wait();
        sleep(100000 + grandchild);
      }),
      in_child([] { recv(letter); }),
      in_child([] { barrier(); }),
      in_child([&] { write(ends[1], much, sizeof much); }),
  };
  sleep(2);
  for (const int child : children) EXPECT(kill(child) == 0);
  for (int i = 0; i < 4; ++i) EXPECT(wait() > 0);
}

TEST(Kill, NobodyIsAnError) {
  EXPECT(kill(-1) == -1);
  EXPECT(kill(0) == -1);
  EXPECT(kill(1000000) == -1);
  const int child = in_child([] {});
  EXPECT(wait() == child);
  EXPECT(kill(child) == -1);
}

TEST(Getpid, IsNotItsChilds) {
  const int child = in_child([] {});
  EXPECT(getpid() > 0 && getpid() != child);
  EXPECT(wait() == child);
}

TEST(Sleep, TakesTicks) {
  const int before = uptime();
  EXPECT(sleep(10) == 0);
  const int passed = uptime() - before;
  EXPECT(passed >= 9);
  EXPECT(sleep(0) == 0);
}

// Ticks are counted without a sign: this is very long.
TEST(Sleep, OfANegativeTimeDoesNotEnd) {
  const int child = in_child([] { sleep(-1); });
  sleep(3);
  EXPECT(kill(child) == 0 && wait() == child);
}

TEST(Uptime, NeverGoesBack) {
  int last = uptime();
  EXPECT(last >= 0);
  for (int i = 0; i < 1000; ++i) {
    const int now = uptime();
    EXPECT(now >= last);
    last = now;
  }
}

TEST(Add, IsTheSum) {
  EXPECT(add(2, 3) == 5);
  EXPECT(add(-7, 3) == -4);
  EXPECT(add(0x7fffffff, 1) == static_cast<int>(0x80000000));
}

static int call(int number) {
  int result;
  asm volatile("int $0x40" : "=a"(result) : "a"(number) : "memory");
  return result;
}

TEST(Unknown, NumbersFail) {
  constexpr int none[] = {0, 48, 62, 63, 64, 1000, -1, static_cast<int>(0x80000000)};
  for (const int number : none) EXPECT(call(number) == -1);
}

// The ABI is the process's, whatever the instruction: 20 is mkdir here, and getpid on Linux for these programs; 39 is
// getpid for those of 64 bits.
TEST(Abi, IsThatOfTheProcess) {
  int result;
  asm volatile("int $0x80" : "=a"(result) : "a"(11) : "memory");
  EXPECT(result == getpid());
  EXPECT(survives([] {
    int ignored;
    asm volatile("pushl $0; pushl $0; int $0x80; addl $8, %%esp" : "=a"(ignored) : "a"(20) : "memory");
  }));
}

TEST(Call, KeepsTheOtherRegisters) {
  int a = 1, b = 2, c = 3, d = 4, e = 5;
  int result = 11;
  asm volatile("int $0x40" : "+a"(result), "+b"(a), "+c"(b), "+d"(c), "+S"(d), "+D"(e));
  EXPECT(result == getpid());
  EXPECT(a == 1 && b == 2 && c == 3 && d == 4 && e == 5);
}

// Each page may be the stack of a call, or the text it is about: nothing happens but that the call fails.
TEST(Call, FromAnyPlaceIsHarmless) {
  EXPECT(make_file("f", ""));
  for (uint address = 0; address <= 1100 * 1024; address += 4096) {
    const int child = in_child([&] {
      int result;
      asm volatile("movl %%esp, %%ecx; movl %2, %%esp; int $0x40; movl %%ecx, %%esp"
                   : "=a"(result)
                   : "a"(24), "d"(address)
                   : "ecx", "memory");
    });
    EXPECT(wait() == child);
    EXPECT(link("absent", reinterpret_cast<char*>(address)) == -1);
  }
}

// Arguments that are not on the stack at all.
TEST(Call, WithABadStackFails) {
  constexpr uint stacks[] = {0x80000000, 0xfffffff8, 0xfffffffc, 0x7ffffff0};
  for (const uint stack : stacks) {
    int result;
    asm volatile("movl %%esp, %%ecx; movl %2, %%esp; int $0x40; movl %%ecx, %%esp"
                 : "=a"(result)
                 : "a"(24), "d"(stack)
                 : "ecx", "memory");
    EXPECT(result == -1);
  }
}
