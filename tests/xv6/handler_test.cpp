// send_multi, sigset, sigret: messages that interrupt.
#include "support/test.hpp"

namespace {

volatile int handled;
volatile unsigned last_words[2];

// Its argument is the message itself.
struct Words {
  unsigned first, second;
};
void take_words(Words message) {
  last_words[0] = message.first;
  last_words[1] = message.second;
  handled = handled + 1;
}
void (*const note_handler)(char*) = reinterpret_cast<void (*)(char*)>(reinterpret_cast<void*>(take_words));

void send_note(int pid, const char* bytes) {
  char message[8] = {};
  for (int i = 0; i < 8 && bytes[i]; ++i) message[i] = bytes[i];
  send_multi(getpid(), &pid, message, 1);
}

}  // namespace

TEST(Handler, GetsTheMessageByValue) {
  EXPECT(sigset(note_handler) == 0);
  send_note(getpid(), "abcdefgh");
  EXPECT(handled == 1);
  EXPECT(last_words[0] == 0x64636261 && last_words[1] == 0x68676665);
}

TEST(Handler, WaitsForOneToBeSet) {
  send_note(getpid(), "1");
  send_note(getpid(), "2");
  EXPECT(handled == 0);
  EXPECT(sigset(note_handler) == 0);
  EXPECT(getpid() > 0);
  EXPECT(handled == 2 && last_words[0] == '2');
}

TEST(Handler, InterruptsOneThatComputes) {
  int ends[2];
  EXPECT(pipe(ends) == 0);
  const int child = in_child([&] {
    sigset(note_handler);
    write(ends[1], "r", 1);
    double sum = 0;
    volatile double one = 1;
    int turns = 0;
    for (; !handled; ++turns) sum = sum + one;
    if (sum == turns) write(ends[1], "y", 1);
  });
  char byte;
  EXPECT(read(ends[0], &byte, 1) == 1);
  send_note(child, "go");
  EXPECT(read(ends[0], &byte, 1) == 1 && byte == 'y');
  EXPECT(wait() == child);
}

TEST(Handler, InterruptsSleepsThatThenGoOn) {
  const int child = in_child([] {
    sigset(note_handler);
    const int before = uptime();
    if (sleep(30) != 0 || uptime() - before < 29 || handled != 3) sleep(100000);
  });
  for (int i = 0; i < 3; ++i) {
    sleep(5);
    send_note(child, "x");
  }
  EXPECT(wait() == child);
}

TEST(Handler, InterruptsWaitsThatThenGoOn) {
  int ends[2];
  EXPECT(pipe(ends) == 0);
  const int child = in_child([&] {
    sigset(note_handler);
    in_child([&] {
      char byte;
      read(ends[0], &byte, 1);
    });
    if (wait() <= 0 || handled != 1) sleep(100000);
    char byte;
    if (read(ends[0], &byte, 1) != 1 || handled != 2) sleep(100000);
  });
  sleep(5);
  send_note(child, "x");
  sleep(2);
  EXPECT(write(ends[1], "a", 1) == 1);
  sleep(5);
  send_note(child, "y");
  sleep(2);
  EXPECT(write(ends[1], "b", 1) == 1);
  EXPECT(wait() == child);
}

TEST(Handler, InterruptsOneThatReceives) {
  const int child = in_child([] {
    sigset(note_handler);
    char letter[8];
    if (recv(letter) != 0 || letter[0] != 'l' || handled != 1) sleep(100000);
  });
  sleep(2);
  send_note(child, "x");
  sleep(2);
  char letter[8] = "letter";
  EXPECT(send(getpid(), child, letter) == 0);
  EXPECT(wait() == child);
}

// What has been written is not written again.
TEST(Handler, InterruptsAWriteThatGoesOn) {
  constexpr int size = 200000;
  int ends[2];
  EXPECT(pipe(ends) == 0);
  char* bytes = sbrk(size);
  for (int i = 0; i < size; ++i) bytes[i] = static_cast<char>(i % 251);
  const int child = in_child([&] {
    close(ends[0]);
    sigset(note_handler);
    if (write(ends[1], bytes, size) != size || handled != 3) sleep(100000);
  });
  close(ends[1]);
  int total = 0;
  char piece[1000];
  for (int got; (got = read(ends[0], piece, sizeof piece)) > 0; total += got) {
    for (int i = 0; i < got; ++i) EXPECT(piece[i] == static_cast<char>((total + i) % 251));
    if (total == 0 || total == 50000 || total == 100000) {
      sleep(2);
      send_note(child, "x");
    }
  }
  EXPECT(total == size && wait() == child);
}

TEST(Handler, CanBeTakenAway) {
  EXPECT(sigset(note_handler) == 0 && sigset(nullptr) == 0);
  send_note(getpid(), "1");
  EXPECT(getpid() > 0 && handled == 0);
  EXPECT(sigset(note_handler) == 0 && getpid() > 0 && handled == 1);
}

TEST(Handler, FurtherMessagesWaitWhileItRuns) {
  static volatile int depth, deepest;
  sigset([](char*) {
    depth = depth + 1;
    if (depth > deepest) deepest = depth;
    handled = handled + 1;
    if (handled == 1) {
      send_note(getpid(), "2");
      send_note(getpid(), "3");
      sleep(1);
    }
    depth = depth - 1;
  });
  send_note(getpid(), "1");
  EXPECT(handled == 3 && deepest == 1);
}

TEST(Handler, KeepsRegisters) {
  sigset(note_handler);
  const int self = getpid();
  char message[8] = "m";
  int a = 1, b = 2, d = 3;
  int result;
  asm volatile("pushl $1; pushl %6; pushl %5; pushl %4; pushl $0; movl $29, %%eax; int $0x40; addl $20, %%esp"
               : "=&a"(result), "+b"(a), "+S"(b), "+D"(d)
               : "r"(self), "r"(&self), "r"(message)
               : "memory");
  (void)result;
  EXPECT(a == 1 && b == 2 && d == 3);
}

TEST(Handler, IsKeptByFork) {
  sigset(note_handler);
  const int child = in_child([] {
    while (!handled) sleep(1);
  });
  send_note(child, "x");
  EXPECT(wait() == child && handled == 0);
}

TEST(Handler, ThatIsWildEndsItsProcessOnly) {
  constexpr uint wild[] = {0x80000000, 0x7ffffff0, 0xfffffff0};
  for (const uint address : wild) {
    const int child = in_child([&] {
      sigset(reinterpret_cast<void (*)(char*)>(address));
      for (;;) sleep(1);
    });
    sleep(1);
    send_note(child, "x");
    EXPECT(wait() == child);
  }
}

TEST(Handler, ThatNeverReturnsCanBeKilled) {
  const int child = in_child([] {
    sigset([](char*) {
      for (;;) {
      }
    });
    for (;;) sleep(1);
  });
  sleep(1);
  send_note(child, "x");
  send_note(child, "y");
  sleep(1);
  EXPECT(kill(child) == 0 && wait() == child);
}

// No room for the frame: the stack pointer is where nothing is.
TEST(Handler, WithoutAStackEndsItsProcess) {
  const int child = in_child([] {
    sigset(note_handler);
    asm volatile("movl $0x70000000, %%esp; 1: jmp 1b" ::: "memory");
  });
  sleep(2);
  send_note(child, "x");
  EXPECT(wait() == child);
}

TEST(Sigret, OutsideOfAHandlerFails) { EXPECT(sigret() == -1); }

TEST(SendMulti, ReachesAllOrNobody) {
  int ends[2];
  EXPECT(pipe(ends) == 0);
  int pids[4];
  for (int i = 0; i < 3; ++i)
    pids[i] = in_child([&] {
      sigset(note_handler);
      write(ends[1], "r", 1);
      while (!handled) sleep(1);
      write(ends[1], handled == 1 && last_words[0] == 'g' ? "y" : "n", 1);
    });
  char bytes[3];
  for (char& byte : bytes) EXPECT(read(ends[0], &byte, 1) == 1);
  char message[8] = "g";
  pids[3] = 1000000;
  EXPECT(send_multi(getpid(), pids, message, 4) == -1);
  EXPECT(send_multi(getpid(), pids, message, -1) == -1);
  EXPECT(send_multi(getpid(), pids, message, 0x7fffffff) == -1);
  EXPECT(send_multi(getpid(), pids, message, 3) == 0);
  for (char& byte : bytes) EXPECT(read(ends[0], &byte, 1) == 1 && byte == 'y');
  for (int i = 0; i < 3; ++i) EXPECT(wait() > 0);
}

// One of them has no room: the others get nothing.
TEST(SendMulti, ReachesNobodyWhereOneIsFull) {
  const int full = in_child([] { sleep(100000); });
  char message[8] = "f";
  int one[] = {full};
  int sent = 0;
  while (sent < 100000 && send_multi(getpid(), one, message, 1) == 0) ++sent;
  EXPECT(sent >= 16 && sent < 100000);
  EXPECT(sigset(note_handler) == 0);
  int before[] = {getpid(), full}, behind[] = {full, getpid()}, both[] = {getpid(), getpid(), full};
  EXPECT(send_multi(getpid(), before, message, 2) == -1);
  EXPECT(send_multi(getpid(), behind, message, 2) == -1);
  EXPECT(send_multi(getpid(), both, message, 3) == -1);
  EXPECT(handled == 0);
  // Nor has room been lost by that.
  EXPECT(sigset(nullptr) == 0);
  int self[] = {getpid()};
  for (int i = 0; i < sent; ++i) EXPECT(send_multi(getpid(), self, message, 1) == 0);
  EXPECT(send_multi(getpid(), self, message, 1) == -1);
  EXPECT(sigset(note_handler) == 0 && handled == sent);
  EXPECT(kill(full) == 0 && wait() == full);
}

TEST(SendMulti, ToNobodyIsNothing) {
  char message[8] = {};
  EXPECT(send_multi(getpid(), nullptr, message, 0) == 0);
}

TEST(Barrier, GoesOnAfterAHandler) {
  EXPECT(barrier_init(2) == 0);
  const int child = in_child([] {
    sigset(note_handler);
    if (barrier() != 0 || handled != 1) sleep(100000);
  });
  sleep(2);
  send_note(child, "x");
  sleep(2);
  EXPECT(barrier() == 0);
  EXPECT(wait() == child);
}
