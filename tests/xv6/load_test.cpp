// Many processes at once: on files, directories, descriptors, pipes; messages between all of them. `./cv6 test xv6`
// runs these on eight processors as well.
#include "support/test.hpp"

namespace {

char buffer[8192];

void wait_for(int children) {
  for (int i = 0; i < children; ++i) EXPECT(wait() > 0);
  EXPECT(wait() == -1);
}

// letter, then two digits.
struct Name {
  Name(char letter, int number)
      : text{letter, static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10), 0} {}
  char text[4];
};

}  // namespace

TEST(Load, HundredChildrenOneAfterTheOther) {
  for (int i = 0; i < 100; ++i) {
    const int child = in_child([] {});
    EXPECT(child > 0 && wait() == child);
  }
}

// Those that never give the processor back do not keep another from it.
TEST(Load, BusyOnesDoNotStopOthers) {
  int ends[2], busy[12];
  EXPECT(pipe(ends) == 0);
  for (int& pid : busy)
    pid = in_child([] {
      for (;;) {
      }
    });
  const int writer = in_child([&] { write(ends[1], "x", 1); });
  char byte;
  EXPECT(read(ends[0], &byte, 1) == 1 && writer > 0);
  for (const int pid : busy) EXPECT(kill(pid) == 0);
  wait_for(13);
}

// One open file: what parent and child write goes one behind the other.
TEST(Load, OnePositionForTwoWriters) {
  constexpr int rounds = 1000;
  const int file = open("shared", O_CREATE | O_RDWR);
  const int child = fork();
  char piece[10];
  fill(piece, child == 0 ? 'c' : 'p', sizeof piece);
  for (int i = 0; i < rounds; ++i) EXPECT(write(file, piece, sizeof piece) == sizeof piece);
  if (child == 0) exit();
  EXPECT(wait() == child && close(file) == 0);
  const int again = open("shared", O_RDONLY);
  int of_child = 0, of_parent = 0;
  for (int got; (got = read(again, buffer, sizeof buffer)) > 0;)
    for (int i = 0; i < got; ++i) ++(buffer[i] == 'c' ? of_child : of_parent);
  EXPECT(of_child == 10 * rounds && of_parent == 10 * rounds);
}

TEST(Load, FilesOfTheirOwn) {
  constexpr int writers = 4, rounds = 12, piece = 500;
  for (int number = 0; number < writers; ++number)
    in_child([number] {
      const int file = open(Name('f', number).text, O_CREATE | O_RDWR);
      fill(buffer, '0' + number, piece);
      for (int i = 0; i < rounds; ++i) EXPECT(write(file, buffer, piece) == piece);
    });
  wait_for(writers);
  for (int number = 0; number < writers; ++number) {
    const int file = open(Name('f', number).text, O_RDONLY);
    EXPECT(read(file, buffer, sizeof buffer) == rounds * piece && all_are(buffer, '0' + number, rounds * piece));
    EXPECT(close(file) == 0 && unlink(Name('f', number).text) == 0);
  }
}

// In one directory, everybody makes and removes names of their own.
TEST(Load, NamesOfTheirOwn) {
  constexpr int children = 4, names = 20;
  for (int child = 0; child < children; ++child)
    in_child([child] {
      for (int i = 0; i < names; ++i) {
        const int file = open(Name(static_cast<char>('p' + child), i).text, O_CREATE | O_RDWR);
        EXPECT(file >= 0 && close(file) == 0);
        if (i > 0 && i % 2 == 0) EXPECT(unlink(Name(static_cast<char>('p' + child), i / 2).text) == 0);
      }
    });
  wait_for(children);
  for (int child = 0; child < children; ++child)
    for (int i = 0; i < names; ++i) {
      const bool removed = i >= 1 && i < names / 2;
      EXPECT((unlink(Name(static_cast<char>('p' + child), i).text) == 0) == !removed);
    }
}

// The same name at the same moment: made by one, a link by the other. The directory has each once.
TEST(Load, TheSameNames) {
  constexpr int names = 40;
  for (int i = 0; i < names; ++i) {
    const Name name('C', i);
    unlink(name.text);
    const int child = fork();
    if (i % 3 == (child != 0)) {
      link("C00", name.text);
    } else {
      const int file = open(name.text, O_CREATE | O_RDWR);
      EXPECT(file >= 0 && close(file) == 0);
    }
    if (child == 0) exit();
    EXPECT(wait() == child);
  }
  bool found[names] = {};
  const int directory = open(".", O_RDONLY);
  struct dirent entry;
  int count = 0;
  while (read(directory, &entry, sizeof entry) == sizeof entry) {
    if (entry.name[0] != 'C') continue;
    const int number = (entry.name[1] - '0') * 10 + entry.name[2] - '0';
    EXPECT(number >= 0 && number < names && entry.name[3] == 0 && !found[number]);
    found[number] = true;
    ++count;
  }
  EXPECT(count == names);
  for (int child = 0; child < 4; ++child)
    in_child([] {
      for (int i = 0; i < names; ++i) {
        exists(Name('C', i).text);
        unlink(Name('C', i).text);
      }
    });
  wait_for(4);
  for (int i = 0; i < names; ++i) EXPECT(!exists(Name('C', i).text));
}

TEST(Load, LinksComeAndGo) {
  EXPECT(make_file("other", "text"));
  for (unsigned child = 0; child < 2; ++child)
    in_child([child] {
      unsigned random = child ? 1 : 97;
      for (int i = 0; i < 200; ++i) {
        random = random * 1103515245 + 12345;
        if (random >> 16 & 1)
          close(open("x", O_CREATE | O_RDWR));
        else if (random >> 17 & 1)
          link("other", "x");
        else
          unlink("x");
      }
    });
  wait_for(2);
  EXPECT(file_holds("other", "text"));
}

// --- messages --------------------------------------------------------------------------------------------------------

namespace {

constexpr int senders = 6, receivers = 6, messages = 250;

struct Numbered {
  int sender, number;
};

// Waits until there is room.
void send_patiently(int receiver, Numbered message) {
  while (send(getpid(), receiver, &message) != 0) sleep(0);
}

// What has come from each sender so far: in order, nothing twice and nothing left out.
struct Arrivals {
  int next[senders] = {};
  int total = 0;
  bool in_order = true;

  void add(Numbered message) {
    in_order = in_order && message.sender >= 0 && message.sender < senders && next[message.sender] == message.number;
    if (in_order) ++next[message.sender];
    ++total;
  }
  bool complete() const { return in_order && total == senders * messages; }
};

volatile int arrived;
Arrivals noted;
void note(Numbered message) {
  noted.add(message);
  arrived = noted.total;
}

void expect_of_all(int end) {
  for (int i = 0; i < receivers; ++i) {
    char byte = 0;
    EXPECT(read(end, &byte, 1) == 1 && byte == 'y');
  }
}

}  // namespace

TEST(Load, LettersArriveOnceAndInOrder) {
  int ends[2], pids[receivers];
  EXPECT(pipe(ends) == 0);
  for (int& pid : pids)
    pid = in_child([&] {
      Arrivals arrivals;
      Numbered letter;
      for (int i = 0; i < senders * messages; ++i) {
        if (recv(&letter) != 0) break;
        arrivals.add(letter);
      }
      write(ends[1], arrivals.complete() ? "y" : "n", 1);
      const bool last = recv(&letter) == 0 && letter.sender == -1;  // nothing before it
      write(ends[1], last ? "y" : "n", 1);
    });
  for (int sender = 0; sender < senders; ++sender)
    in_child([&] {
      for (int i = 0; i < messages; ++i)
        for (int receiver = 0; receiver < receivers; ++receiver)
          send_patiently(pids[(receiver + sender) % receivers], {sender, i});
    });
  expect_of_all(ends[0]);
  for (const int pid : pids) send_patiently(pid, {-1, 0});
  expect_of_all(ends[0]);
  wait_for(senders + receivers);
}

// Interrupting receivers that compute, sleep, and wait in calls.
TEST(Load, MulticastsArriveOnceAndInOrder) {
  int ends[2], pids[receivers], nothing[2];
  EXPECT(pipe(ends) == 0 && pipe(nothing) == 0);
  for (int number = 0; number < receivers; ++number)
    pids[number] = in_child([&] {
      sigset(reinterpret_cast<void (*)(char*)>(reinterpret_cast<void*>(note)));
      write(ends[1], "r", 1);
      while (arrived < senders * messages) {
        if (number % 3 == 1) sleep(1);
        if (number % 3 == 2) read(nothing[0], buffer, 1);
      }
      write(ends[1], noted.complete() ? "y" : "n", 1);
    });
  for (int i = 0; i < receivers; ++i) EXPECT(read(ends[0], buffer, 1) == 1);
  for (int sender = 0; sender < senders; ++sender)
    in_child([&] {
      for (int i = 0; i < messages; ++i) {
        Numbered message{sender, i};
        while (send_multi(getpid(), pids, &message, receivers) != 0) sleep(0);
      }
    });
  for (int i = 0; i < senders; ++i) EXPECT(wait() > 0);
  EXPECT(write(nothing[1], buffer, sizeof buffer) == sizeof buffer);  // those that read have an end as well
  expect_of_all(ends[0]);
  wait_for(receivers);
}
