// send, recv; barriers.
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

}  // namespace

TEST(Message, ArrivesWhole) {
  const int receiver = in_child([] {
    Text got;
    if (recv(&got) != 0 || number_of(got) != 12345678) exit();
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
