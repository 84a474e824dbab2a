// send, recv, send_multi, sigset, sigret; barriers.
#include "support/test.hpp"

namespace {

struct Text {
  char bytes[8];
};

Text text_of(int number) {
  Text text = {};
  for (int i = 7; i >= 0; --i, number /= 10) text.bytes[i] = static_cast<char>('0' + number % 10);
  return text;
}
int number_of(const Text& text) {
  int number = 0;
  for (const char digit : text.bytes) number = number * 10 + digit - '0';
  return number;
}

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

TEST(Message, ArrivesWhole) {
  const int receiver = in_child([] {
    Text got;
    if (recv(&got) != 0 || number_of(got) != 12345678) exit();
    handled = 1;
    for (;;) sleep(1000);
  });
  Text text = text_of(12345678);
  EXPECT(send(getpid(), receiver, &text) == 0);
  sleep(5);
  EXPECT(kill(receiver) == 0);  // else it has ended by itself
  EXPECT(wait() == receiver);
}

TEST(Message, ManyKeepTheirOrder) {
  constexpr int count = 5000;
  int ends[2];
  EXPECT(pipe(ends) == 0);
  const int receiver = in_child([&] {
    for (int i = 0; i < count; ++i) {
      Text got;
      if (recv(&got) != 0 || number_of(got) != i) exit();
    }
    write(ends[1], "y", 1);
  });
  for (int i = 0; i < count; ++i) {
    Text text = text_of(i);
    while (send(getpid(), receiver, &text) != 0) sleep(1);  // no room
  }
  char byte;
  EXPECT(read(ends[0], &byte, 1) == 1);
  EXPECT(wait() == receiver);
}

TEST(Message, OfSeveralSendersAreAllThere) {
  constexpr int senders = 4, count = 500;
  int ends[2];
  EXPECT(pipe(ends) == 0);
  const int receiver = in_child([&] {
    int next[senders] = {};
    for (int i = 0; i < senders * count; ++i) {
      Text got;
      recv(&got);
      const int number = number_of(got);
      if (number % 1000 != next[number / 1000]++) exit();
    }
    write(ends[1], "y", 1);
  });
  for (int sender = 0; sender < senders; ++sender)
    in_child([&] {
      for (int i = 0; i < count; ++i) {
        Text text = text_of(sender * 1000 + i);
        while (send(getpid(), receiver, &text) != 0) sleep(1);
      }
    });
  char byte;
  EXPECT(read(ends[0], &byte, 1) == 1);
  for (int i = 0; i <= senders; ++i) EXPECT(wait() > 0);
}

TEST(Message, ToNobodyFails) {
  char message[8] = {};
  EXPECT(send(getpid(), 1000000, message) == -1);
  EXPECT(send(getpid(), 0, message) == -1);
  EXPECT(send(getpid(), -1, message) == -1);
  const int child = in_child([] {});
  sleep(2);
  EXPECT(send(getpid(), child, message) == -1);  // it has ended
  EXPECT(wait() == child);
  EXPECT(send(getpid(), child, message) == -1);
}

TEST(Message, QueuesHaveAnEnd) {
  const int receiver = in_child([] {
    for (;;) sleep(1000);
  });
  char message[8] = {};
  int sent = 0;
  while (sent < 100000 && send(getpid(), receiver, message) == 0) ++sent;
  EXPECT(sent >= 16 && sent < 100000);
  kill(receiver);
  EXPECT(wait() == receiver);
}

TEST(Message, BadPointersFail) {
  const int self = getpid();
  char message[8] = {};
  EXPECT(send(self, self, message) == 0);
  for (int i = 0; i < bad_address_count; ++i) {
    EXPECT(send(self, self, bad_addresses[i]) == -1);
    EXPECT(recv(bad_addresses[i]) == -1);
    int pid = self;
    EXPECT(send_multi(self, &pid, bad_addresses[i], 1) == -1);
    EXPECT(send_multi(self, reinterpret_cast<int*>(bad_addresses[i]), message, 1) == -1);
  }
  EXPECT(recv(sbrk(0) - 4) == -1);
  EXPECT(recv(message) == 0);  // it is still there
}

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
               : "=&a"(result), "+b"(a), "+S"(b), "+D"(d) : "r"(self), "r"(&self), "r"(message) : "memory");
  (void)result;
  EXPECT(a == 1 && b == 2 && d == 3);
}

TEST(Handler, IsKeptByForkAndClearedByExec) {
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

TEST(Barrier, HoldsUntilAllHaveCome) {
  EXPECT(barrier() == -1);
  EXPECT(barrier_init(0) == -1 && barrier_init(-1) == -1);
  EXPECT(barrier_init(4) == 0);
  int ends[2];
  EXPECT(pipe(ends) == 0);
  for (int i = 0; i < 3; ++i)
    in_child([&] {
      for (int round = 0; round < 20; ++round) {
        write(ends[1], "a", 1);
        if (barrier() != 0) exit();
        if (barrier() != 0) exit();
      }
    });
  for (int round = 0; round < 20; ++round) {
    EXPECT(barrier() == 0);
    char bytes[4];
    int got = 0;
    while (got < 3) got += read(ends[0], bytes + got, 3 - got);  // all three are there, and no more
    EXPECT(got == 3);
    EXPECT(barrier() == 0);
  }
  for (int i = 0; i < 3; ++i) EXPECT(wait() > 0);
}

TEST(Barrier, DoesNotCountThoseThatEnded) {
  EXPECT(barrier_init(2) == 0);
  const int first = in_child([] { barrier(); });
  sleep(2);
  EXPECT(kill(first) == 0 && wait() == first);
  const int second = in_child([] { barrier(); });
  EXPECT(barrier() == 0);
  EXPECT(wait() == second);
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
