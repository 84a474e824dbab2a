// open, read, write, close, dup, pipe, fstat.
#include "support/test.hpp"

static char buffer[80000];

TEST(Open, FindsOrMakesFiles) {
  EXPECT(open("absent", O_RDONLY) == -1);
  const int file = open("f", O_CREATE | O_RDWR);
  EXPECT(file >= 3);
  EXPECT(write(file, "abc", 3) == 3);
  EXPECT(close(file) == 0);
  EXPECT(close(file) == -1 && read(file, buffer, 1) == -1);
  const int again = open("f", O_CREATE | O_RDWR);  // what is in it stays
  EXPECT(read(again, buffer, 10) == 3 && buffer[0] == 'a');
  EXPECT(close(again) == 0);
}

TEST(Open, AllowsWhatItSays) {
  EXPECT(make_file("f", "abc"));
  const int reading = open("f", O_RDONLY), writing = open("f", O_WRONLY), both = open("f", O_RDWR);
  EXPECT(read(reading, buffer, 1) == 1 && write(reading, "x", 1) == -1);
  EXPECT(read(writing, buffer, 1) == -1 && write(writing, "x", 1) == 1);
  EXPECT(read(both, buffer, 1) == 1 && buffer[0] == 'x' && write(both, "y", 1) == 1);
  EXPECT(open("f", 0x400) == -1);  // a flag that xv6 does not have
}

TEST(Open, DirectoriesOnlyForReading) {
  EXPECT(mkdir("d") == 0);
  EXPECT(open("d", O_RDWR) == -1);
  EXPECT(open("d", O_WRONLY) == -1);
  EXPECT(open("d", O_CREATE) == -1);
  const int directory = open("d", O_RDONLY);
  EXPECT(directory >= 0);
  EXPECT(write(directory, "x", 1) == -1);
  EXPECT(open(".", O_RDWR) == -1);
}

TEST(Open, BadPointersFail) {
  for (int i = 0; i < bad_address_count; ++i) {
    EXPECT(open(bad_addresses[i], O_RDONLY) == -1);
    EXPECT(open(bad_addresses[i], O_CREATE | O_RDWR) == -1);
  }
  EXPECT(open(unended_text(), O_CREATE | O_RDWR) == -1);
}

TEST(Open, SixteenFilesAtMost) {
  EXPECT(make_file("f", ""));
  int last = -1;
  for (int file; (file = open("f", O_RDONLY)) >= 0;) last = file;
  EXPECT(last == NOFILE - 1);
  EXPECT(dup(0) == -1);
  int ends[2];
  EXPECT(pipe(ends) == -1);
  EXPECT(close(15) == 0);
  EXPECT(pipe(ends) == -1);
  EXPECT(dup(0) == 15);
}

TEST(Open, EmptyNameIsTheWorkingDirectory) {
  const int here = open("", O_RDONLY);
  struct stat found;
  EXPECT(here >= 0 && fstat(here, &found) == 0 && found.type == T_DIR);
  EXPECT(open("", O_CREATE) == -1);
  EXPECT(open("", O_CREATE | O_RDWR) == -1);
}

TEST(Read, BadDescriptorsFail) {
  constexpr int bad[] = {-1, 10, 16, 1000, 0x7fffffff, static_cast<int>(0x80000000)};
  for (const int file : bad) {
    EXPECT(read(file, buffer, 1) == -1);
    EXPECT(write(file, buffer, 1) == -1);
    EXPECT(close(file) == -1);
    EXPECT(dup(file) == -1);
    struct stat found;
    EXPECT(fstat(file, &found) == -1);
  }
}

TEST(Read, NegativeCountsFail) {
  EXPECT(make_file("f", "abc"));
  const int file = open("f", O_RDWR);
  EXPECT(read(file, buffer, -1) == -1);
  EXPECT(write(file, buffer, -1) == -1);
  EXPECT(read(file, buffer, static_cast<int>(0x80000000)) == -1);
  EXPECT(read(file, sbrk(0) - 1, -1) == -1 && write(file, sbrk(0) - 1, -1) == -1);
  EXPECT(read(file, buffer, 0) == 0);
  EXPECT(write(file, buffer, 0) == 0);
}

// A call looks before it does anything: nothing is written, nothing is taken away.
TEST(Read, BadPointersFail) {
  EXPECT(make_file("f", "abc"));
  const int file = open("f", O_RDWR);
  int ends[2];
  EXPECT(pipe(ends) == 0);
  EXPECT(write(ends[1], "xyz", 3) == 3);
  char* top = sbrk(0);
  for (int i = 0; i < bad_address_count; ++i) {
    EXPECT(read(file, bad_addresses[i], 8) == -1);
    EXPECT(write(file, bad_addresses[i], 8) == -1);
    EXPECT(read(ends[0], bad_addresses[i], 8) == -1);
    EXPECT(write(ends[1], bad_addresses[i], 8) == -1);
  }
  EXPECT(read(ends[0], top, 1) == -1);
  EXPECT(read(ends[0], top - 1, 2) == -1);
  EXPECT(write(ends[1], top - 1, 2) == -1);
  EXPECT(write(file, buffer, 0x7fffffff) == -1);
  EXPECT(read(ends[0], buffer, 8) == 3);
  EXPECT(file_holds("f", "abc"));
}

// Memory that was given back is none any more.
TEST(Write, FromAboveTheHeapFails) {
  char* heap = sbrk(8192);
  const int file = open("f", O_CREATE | O_RDWR);
  EXPECT(write(file, heap, 8192) == 8192);
  sbrk(-8192);
  EXPECT(write(file, heap + 4096, 1024) == -1);
  EXPECT(read(file, heap + 4096, 10) == -1);
}

TEST(Write, FilesHaveAnEnd) {
  constexpr int largest = MAXFILE * BSIZE;
  for (int i = 0; i < largest; ++i) buffer[i] = static_cast<char>(i / BSIZE);
  const int file = open("big", O_CREATE | O_RDWR);
  EXPECT(write(file, buffer, largest) == largest);
  EXPECT(write(file, "x", 1) == -1);
  struct stat found;
  EXPECT(fstat(file, &found) == 0 && found.size == largest);
  close(file);
  const int again = open("big", O_RDONLY);
  for (int block = 0; block < static_cast<int>(MAXFILE); ++block) {
    EXPECT(read(again, buffer, BSIZE) == BSIZE);
    EXPECT(all_are(buffer, block, BSIZE));
  }
  EXPECT(read(again, buffer, BSIZE) == 0);
  const int whole = open("other", O_CREATE | O_RDWR);
  EXPECT(write(whole, buffer, largest + 1) == -1);
}

TEST(Write, OfAnySizeGoesOn) {
  for (int size = 499; size < 12 * BSIZE; size += 471) {
    const int file = open("f", O_CREATE | O_RDWR);
    for (int i = 0; i < 2; ++i) EXPECT(write(file, buffer, size) == size);
    struct stat found;
    EXPECT(fstat(file, &found) == 0 && found.size == static_cast<uint>(2 * size));
    EXPECT(close(file) == 0 && unlink("f") == 0);
  }
}

// Written in pieces of one size, read in pieces of another.
TEST(Write, ManyPiecesAreOneFile) {
  constexpr int pieces = 20, size = 600;
  const int file = open("f", O_CREATE | O_RDWR);
  for (int i = 0; i < pieces; ++i) {
    fill(buffer, i, size);
    EXPECT(write(file, buffer, size) == size);
  }
  EXPECT(close(file) == 0);
  const int again = open("f", O_RDONLY);
  for (int i = 0; i < 2 * pieces; ++i) {
    EXPECT(read(again, buffer, size / 2) == size / 2);
    EXPECT(all_are(buffer, i / 2, size / 2));
  }
  EXPECT(read(again, buffer, 1) == 0);
}

TEST(Dup, SharesThePosition) {
  EXPECT(make_file("f", "abc"));
  const int file = open("f", O_RDONLY);
  const int same = dup(file);
  EXPECT(same >= 0 && same != file);
  EXPECT(read(file, buffer, 1) == 1 && buffer[0] == 'a');
  EXPECT(read(same, buffer, 1) == 1 && buffer[0] == 'b');
  EXPECT(close(file) == 0);
  EXPECT(read(same, buffer, 1) == 1 && buffer[0] == 'c');
  EXPECT(dup(0) == file);  // the lowest that is free
}

TEST(Pipe, CarriesBytesInOrder) {
  int ends[2];
  EXPECT(pipe(ends) == 0);
  const int child = in_child([&] {
    close(ends[0]);
    int next = 0;
    for (int round = 0; round < 5; ++round) {
      for (int i = 0; i < 1033; ++i) buffer[i] = static_cast<char>(next++);
      if (write(ends[1], buffer, 1033) != 1033) exit();
    }
  });
  close(ends[1]);
  int total = 0;
  for (int got; (got = read(ends[0], buffer, 700)) > 0; total += got)
    for (int i = 0; i < got; ++i) EXPECT(buffer[i] == static_cast<char>(total + i));
  EXPECT(total == 5 * 1033);
  EXPECT(wait() == child);
}

TEST(Pipe, TakesMoreThanItHoldsFromAPatientWriter) {
  int ends[2];
  EXPECT(pipe(ends) == 0);
  const int child = in_child([&] {
    close(ends[0]);
    const int written = write(ends[1], buffer, sizeof buffer);
    write(ends[1], written == sizeof buffer ? "y" : "n", 1);
  });
  close(ends[1]);
  int total = 0;
  char last = 0;
  for (int got; (got = read(ends[0], buffer, 1000)) > 0; total += got) last = buffer[got - 1];
  EXPECT(total == sizeof buffer + 1 && last == 'y');
  EXPECT(wait() == child);
}

TEST(Pipe, EndsAreForOneThing) {
  int ends[2];
  EXPECT(pipe(ends) == 0);
  EXPECT(write(ends[0], "x", 1) == -1 && read(ends[1], buffer, 1) == -1);
  EXPECT(close(ends[1]) == 0 && read(ends[0], buffer, 1) == 0);
}

TEST(Pipe, WithoutReadersFailsWithoutASignal) {
  int ends[2];
  EXPECT(pipe(ends) == 0);
  EXPECT(close(ends[0]) == 0);
  EXPECT(write(ends[1], "x", 1) == -1);
}

TEST(Pipe, BadPointersFailAndOpenNothing) {
  const int lowest = dup(0);
  close(lowest);
  for (int i = 0; i < bad_address_count; ++i) EXPECT(pipe(reinterpret_cast<int*>(bad_addresses[i])) == -1);
  EXPECT(pipe(reinterpret_cast<int*>(sbrk(0) - 4)) == -1);
  EXPECT(dup(0) == lowest);
}

TEST(Fstat, TellsKindsApart) {
  struct stat found;
  EXPECT(make_file("f", "abcde"));
  EXPECT(mkdir("d") == 0);
  const int file = open("f", O_RDONLY), directory = open("d", O_RDONLY);
  EXPECT(fstat(file, &found) == 0);
  EXPECT(found.type == T_FILE && found.size == 5 && found.nlink == 1 && found.ino != 0);
  EXPECT(link("f", "g") == 0);
  EXPECT(fstat(file, &found) == 0 && found.nlink == 2);
  EXPECT(fstat(directory, &found) == 0 && found.type == T_DIR && found.nlink == 1);
  int ends[2];
  EXPECT(pipe(ends) == 0 && fstat(ends[0], &found) == -1);
}

TEST(Fstat, BadPointersFail) {
  EXPECT(make_file("f", ""));
  const int file = open("f", O_RDONLY);
  for (int i = 0; i < bad_address_count; ++i)
    EXPECT(fstat(file, reinterpret_cast<struct stat*>(bad_addresses[i])) == -1);
  EXPECT(fstat(file, reinterpret_cast<struct stat*>(sbrk(0) - 16)) == -1);
}

TEST(Mknod, MajorOneIsTheConsole) {
  EXPECT(mknod("console", 1, 1) == 0);
  EXPECT(mknod("console", 1, 1) == -1);
  const int console = open("console", O_RDWR);
  struct stat found;
  EXPECT(console >= 0 && fstat(console, &found) == 0 && found.type == T_DEV);
  EXPECT(write(console, "console speaks\n", 15) == 15);
}

// Each open becomes the output, which is where the next one writes.
TEST(Mknod, TheConsoleIsOpenedAgainAndAgain) {
  EXPECT(mknod("console", 1, 1) == 0);
  for (int i = 0; i < 1000; ++i) {
    const int console = open("console", O_RDWR);
    EXPECT(console >= 0 && close(1) == 0 && dup(console) == 1 && close(console) == 0);
  }
  EXPECT(write(1, "once\n", 5) == 5);
}

TEST(Mknod, OthersAnswerNothing) {
  EXPECT(mknod("other", 7, 3) == 0);
  const int other = open("other", O_RDWR);
  struct stat found;
  EXPECT(other >= 0 && fstat(other, &found) == 0 && found.type == T_DEV);
  EXPECT(read(other, buffer, 1) == -1);
  EXPECT(write(other, "x", 1) == -1);
  EXPECT(mknod("", 1, 1) == -1);
  EXPECT(mknod("absent/x", 1, 1) == -1);
  for (int i = 0; i < bad_address_count; ++i) EXPECT(mknod(bad_addresses[i], 1, 1) == -1);
}
