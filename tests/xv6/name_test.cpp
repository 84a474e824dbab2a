// Files by name: directories, links, what names mean.
#include "support/test.hpp"

// How often a directory has an entry of that name.
static int entries_named(const char* directory, const char* name) {
  const int file = open(directory, O_RDONLY);
  if (file < 0) return -1;
  int count = 0;
  struct dirent entry;
  while (read(file, &entry, sizeof entry) == sizeof entry) {
    char text[DIRSIZ + 1] = {};
    for (int i = 0; i < DIRSIZ; ++i) text[i] = entry.name[i];
    if (entry.inum != 0 && same_text(text, name)) ++count;
  }
  close(file);
  return count;
}

TEST(Directory, ReadsAsEntries) {
  EXPECT(mkdir("d") == 0 && make_file("d/one", "") && make_file("d/fourteen-bytes", ""));
  EXPECT(entries_named("d", ".") == 1);
  EXPECT(entries_named("d", "..") == 1);
  EXPECT(entries_named("d", "one") == 1);
  EXPECT(entries_named("d", "fourteen-bytes") == 1);
  EXPECT(unlink("d/one") == 0);
  EXPECT(entries_named("d", "one") == 0);
}

TEST(Directory, ReadsManyEntriesAtOnce) {
  EXPECT(mkdir("d") == 0 && make_file("d/a", "") && make_file("d/b", ""));
  const int file = open("d", O_RDONLY);
  struct dirent entries[8];
  EXPECT(read(file, entries, sizeof entries[0] * 2) == 32);
  EXPECT(read(file, entries, sizeof entries) == 32);
  EXPECT(read(file, entries, sizeof entries) == 0);
  struct stat found;
  const int same = open("d/a", O_RDONLY);
  EXPECT(fstat(same, &found) == 0);
  EXPECT(entries[0].inum == found.ino || entries[1].inum == found.ino);
}

// It is a file of entries, whose bytes can be read in any pieces.
TEST(Directory, ReadsInPieces) {
  EXPECT(mkdir("d") == 0 && make_file("d/a", "") && make_file("d/fourteen-bytes", ""));
  char whole[64], pieces[64 + 37];
  EXPECT(read(open("d", O_RDONLY), whole, sizeof whole) == sizeof whole);
  constexpr int sizes[] = {1, 7, 15, 17, 37};
  for (const int piece : sizes) {
    const int file = open("d", O_RDONLY);
    int size = 0;
    for (int got; size < 64 && (got = read(file, pieces + size, piece)) > 0; size += got)
      EXPECT(got == (64 - size < piece ? 64 - size : piece));
    EXPECT(size == 64 && read(file, pieces, 1) == 0);
    for (int i = 0; i < 64; ++i) EXPECT(pieces[i] == whole[i]);
    EXPECT(close(file) == 0);
  }
  const int file = open("d", O_RDONLY);
  for (int i = 0; i < bad_address_count; ++i) EXPECT(read(file, bad_addresses[i], 16) == -1);
  EXPECT(read(file, pieces, 16) == 16 && pieces[2] == '.' && pieces[3] == 0);  // none was passed over
}

TEST(Name, IsCutToFourteenBytes) {
  EXPECT(mkdir("12345678901234") == 0);
  EXPECT(mkdir("12345678901234/123456789012345") == 0);
  EXPECT(make_file("123456789012345/123456789012345/123456789012345", "deep"));
  EXPECT(file_holds("12345678901234/12345678901234/12345678901234", "deep"));
  EXPECT(mkdir("12345678901234/12345678901234") == -1);
  EXPECT(mkdir("123456789012345/12345678901234") == -1);
  EXPECT(entries_named("12345678901234", "12345678901234") == 1);
}

TEST(Name, SlashesAtTheEndMeanNothing) {
  EXPECT(mkdir("d/") == 0);
  EXPECT(make_file("f", "x"));
  EXPECT(file_holds("f/", "x"));
  EXPECT(chdir("d//") == 0);
  EXPECT(file_holds("..//f", "x"));
  EXPECT(open("/", O_RDONLY) >= 0);
}

TEST(Chdir, Moves) {
  EXPECT(mkdir("d") == 0 && make_file("d/f", "inside"));
  EXPECT(chdir("d") == 0);
  EXPECT(file_holds("f", "inside"));
  EXPECT(chdir("") == 0 && file_holds("f", "inside"));
  EXPECT(chdir("f") == -1);
  EXPECT(chdir("absent") == -1);
  EXPECT(chdir("..") == 0 && file_holds("d/f", "inside"));
  EXPECT(chdir("/") == 0);
  for (int i = 0; i < bad_address_count; ++i) EXPECT(chdir(bad_addresses[i]) == -1);
}

TEST(Chdir, IsInheritedAndItsOwn) {
  EXPECT(mkdir("d") == 0 && make_file("d/f", "x"));
  EXPECT(survives([] {
    if (chdir("d") != 0 || !file_holds("f", "x")) exit();
  }));
  EXPECT(!file_holds("f", "x"));
}

TEST(Mkdir, Fails) {
  EXPECT(mkdir("d") == 0);
  EXPECT(mkdir("d") == -1);
  EXPECT(mkdir("") == -1);
  EXPECT(mkdir("absent/x") == -1);
  EXPECT(make_file("f", "") && mkdir("f") == -1 && mkdir("f/x") == -1);
  for (int i = 0; i < bad_address_count; ++i) EXPECT(mkdir(bad_addresses[i]) == -1);
}

TEST(Link, IsTheSameFile) {
  EXPECT(make_file("a", "text"));
  EXPECT(link("a", "b") == 0);
  EXPECT(unlink("a") == 0);
  EXPECT(open("a", O_RDONLY) == -1);
  EXPECT(file_holds("b", "text"));
}

TEST(Link, Fails) {
  EXPECT(make_file("a", "") && mkdir("d") == 0);
  EXPECT(link("b", "b") == -1);
  EXPECT(link("absent", "a") == -1);
  EXPECT(link("a", "a") == -1);
  EXPECT(link(".", "here") == -1);
  EXPECT(link("d", "e") == -1);
  EXPECT(link("a", "") == -1);
  EXPECT(link("", "x") == -1);
  EXPECT(link("a", "absent/x") == -1);
  for (int i = 0; i < bad_address_count; ++i) {
    EXPECT(link("a", bad_addresses[i]) == -1);
    EXPECT(link(bad_addresses[i], "x") == -1);
  }
}

TEST(Link, ManyInOneDirectory) {
  EXPECT(make_file("f", ""));
  char name[] = "x00";
  for (int i = 0; i < 500; ++i) {
    name[1] = static_cast<char>('0' + i / 64);
    name[2] = static_cast<char>('0' + i % 64);
    EXPECT(link("f", name) == 0);
  }
  EXPECT(unlink("f") == 0);
  for (int i = 0; i < 500; ++i) {
    name[1] = static_cast<char>('0' + i / 64);
    name[2] = static_cast<char>('0' + i % 64);
    EXPECT(unlink(name) == 0);
  }
}

TEST(Unlink, LeavesOpenFilesUsable) {
  EXPECT(make_file("f", "text"));
  const int file = open("f", O_RDWR);
  EXPECT(unlink("f") == 0);
  char bytes[4];
  EXPECT(read(file, bytes, 4) == 4 && bytes[0] == 't');
  EXPECT(write(file, "more", 4) == 4);
  EXPECT(open("f", O_RDONLY) == -1);
}

TEST(Unlink, RemovesEmptyDirectoriesOnly) {
  EXPECT(mkdir("d") == 0 && make_file("d/f", ""));
  EXPECT(unlink("d") == -1);
  EXPECT(unlink("d/f") == 0);
  EXPECT(unlink("d") == 0);
  EXPECT(chdir("d") == -1);
}

// A working directory may be removed; nothing can be made in it any more.
TEST(Unlink, OfTheWorkingDirectory) {
  EXPECT(mkdir("d") == 0 && chdir("d") == 0);
  EXPECT(unlink("../d") == 0);
  EXPECT(mkdir("x") == -1 && open("x", O_CREATE | O_RDWR) == -1);
  EXPECT(chdir("/") == 0);
}

TEST(Unlink, OfTheWorkingDirectoryOfOneThatEnds) {
  EXPECT(survives([] {
    if (mkdir("d") != 0 || chdir("d") != 0 || unlink("../d") != 0) exit();
  }));
  EXPECT(!exists("d"));
}

// Opened for writing, which fails, while it is removed.
TEST(Unlink, OfADirectoryThatSomebodyWantsToOpen) {
  EXPECT(mkdir("d") == 0);
  const int child = in_child([] {
    for (int i = 0; i < 100; ++i)
      if (open("d", O_RDWR) >= 0) sleep(100000);
  });
  EXPECT(unlink("d") == 0 && wait() == child);
}

TEST(Unlink, NotDotAndDotDot) {
  EXPECT(mkdir("d") == 0 && chdir("d") == 0);
  EXPECT(unlink(".") == -1);
  EXPECT(unlink("..") == -1);
  EXPECT(chdir("..") == 0);
  EXPECT(unlink("d/.") == -1);
  EXPECT(unlink("d/..") == -1);
  EXPECT(unlink("d") == 0);
}

TEST(Unlink, Fails) {
  EXPECT(unlink("absent") == -1);
  EXPECT(unlink("") == -1);
  EXPECT(unlink("/") == -1);
  EXPECT(make_file("f", "") && unlink("f/x") == -1);
  for (int i = 0; i < bad_address_count; ++i) EXPECT(unlink(bad_addresses[i]) == -1);
}

TEST(Name, AFileIsNoDirectory) {
  EXPECT(make_file("f", "") && make_file("other", ""));
  EXPECT(chdir("f") == -1);
  EXPECT(open("f/x", O_RDONLY) == -1);
  EXPECT(open("f/x", O_CREATE) == -1);
  EXPECT(mkdir("f/x") == -1);
  EXPECT(link("other", "f/x") == -1);
}

TEST(Name, DirectoriesOneInTheOther) {
  EXPECT(mkdir("d") == 0 && make_file("d/f", "old"));
  EXPECT(mkdir("/tmp/absent/x") == -1);
  EXPECT(mkdir("d/e") == 0 && make_file("d/e/f", "FF"));
  EXPECT(link("d/e/f", "d/e/g") == 0 && unlink("d/e/f") == 0);
  EXPECT(chdir("d") == 0 && chdir("e/../../d") == 0 && chdir("./..") == 0);
  EXPECT(file_holds("d/e/g", "FF"));
  EXPECT(chdir("d/e/../../d/e/..") == 0 && file_holds("f", "old") && chdir("..") == 0);
  EXPECT(link("d/e/f", "d/e/h") == -1 && link("d/f", "d/e/g") == -1 && link("d/absent/f", "d/h") == -1);
  EXPECT(open("d/absent/f", O_CREATE | O_RDWR) == -1 && open("d/f/f", O_CREATE | O_RDWR) == -1);
  EXPECT(mkdir("d/e/g") == -1 && unlink("d/absent/f") == -1 && unlink("d/f/f") == -1);
  EXPECT(unlink("d/e") == -1);
  EXPECT(unlink("d/e/g") == 0 && unlink("d/e") == 0);
}

// What fails for an empty name leaves nothing behind, fifty directories deep as well.
TEST(Name, DeepDirectories) {
  EXPECT(make_file("f", ""));
  for (int i = 0; i < 51; ++i) {
    EXPECT(mkdir("deep") == 0 && chdir("deep") == 0);
    EXPECT(mkdir("") == -1 && link("../f", "") == -1 && open("", O_CREATE) == -1);
    const int file = open("xx", O_CREATE);
    EXPECT(file >= 0 && close(file) == 0 && unlink("xx") == 0);
  }
  for (int i = 0; i < 51; ++i) EXPECT(chdir("..") == 0 && unlink("deep") == 0);
}

TEST(Name, ManyFilesComeAndGo) {
  char name[] = "a0";
  for (int i = 0; i < 52; ++i) {
    name[1] = static_cast<char>('0' + i);
    const int file = open(name, O_CREATE | O_RDWR);
    EXPECT(file >= 0 && close(file) == 0);
  }
  for (int i = 0; i < 52; ++i) {
    name[1] = static_cast<char>('0' + i);
    EXPECT(unlink(name) == 0);
  }
}

TEST(Name, WithoutAnEndFails) {
  char* text = unended_text();
  EXPECT(mkdir(text) == -1 && chdir(text) == -1 && unlink(text) == -1 && mknod(text, 1, 1) == -1);
  EXPECT(make_file("f", "") && link("f", text) == -1 && link(text, "g") == -1);
}

// Several processes make, link and remove the same names: each name is there once or not at all.
TEST(Name, RacesLeaveDirectoriesWhole) {
  for (int round = 0; round < 10; ++round) {
    for (int child = 0; child < 3; ++child)
      in_child([child] {
        char name[] = "n0";
        for (int i = 0; i < 40; ++i) {
          name[1] = static_cast<char>('0' + i % 10);
          if ((i + child) % 3 == 0) close(open(name, O_CREATE | O_RDWR));
          if ((i + child) % 3 == 1) link("n0", name);
          if ((i + child) % 3 == 2) unlink(name);
        }
      });
    for (int child = 0; child < 3; ++child) EXPECT(wait() > 0);
    char name[] = "n0";
    for (int i = 0; i < 10; ++i) {
      name[1] = static_cast<char>('0' + i);
      const int times = entries_named(".", name);
      EXPECT(times == 0 || times == 1);
      EXPECT((unlink(name) == 0) == (times == 1));
    }
  }
}

TEST(Cid, IsMinusOneOnTheHostOrAnId) { EXPECT(cid() >= -1); }
