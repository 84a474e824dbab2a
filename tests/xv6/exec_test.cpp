// exec.
#include "support/test.hpp"

// In a container made for xv6 programs there are none but them.
static bool has_linux() { return exists("/bin/sh"); }

// Where this program is.
static char* program() {
  static char in_linux_root[] = "/xv6/xv6-tests", in_flat_root[] = "/xv6-tests";
  return has_linux() ? in_linux_root : in_flat_root;
}

// What the program does when it is not to test, with descriptor 3 as its output: `+echo WORDS` writes them, each ended by a
// bar; `+count` how many arguments there are; `+stack` whether they are where they belong; `+letter` that it is there, and
// then what a letter begins with; `+return` leaves main. Without arguments it says so.
int run_helper(int count, char** arguments) {
  if (count < 2) {
    write(3, count == 0 && arguments[0] == nullptr ? "none" : "some", 4);
  } else if (same_text(arguments[1], "+echo")) {
    for (int i = 2; i < count; ++i) {
      write(3, arguments[i], length_of(arguments[i]));
      write(3, "|", 1);
    }
    if (arguments[count] != nullptr) write(3, "no end", 6);
  } else if (same_text(arguments[1], "+count")) {
    const char digits[2] = {static_cast<char>('0' + count / 10), static_cast<char>('0' + count % 10)};
    write(3, digits, 2);
  } else if (same_text(arguments[1], "+letter")) {
    char letter[8];
    write(3, "r", 1);
    write(3, recv(letter) == 0 ? letter : "n", 1);
  } else if (same_text(arguments[1], "+return")) {
    return 0;
  } else if (same_text(arguments[1], "+stack")) {
    // argc, argv and the return address are where they belong, and below them nothing has been used.
    const uint top = reinterpret_cast<uint>(sbrk(0));
    const bool inside = reinterpret_cast<uint>(arguments) < top && reinterpret_cast<uint>(arguments) >= top - 4096;
    write(3, inside && arguments[0][0] ? "yes" : "no", inside ? 3 : 2);
  }
  exit();
}

// Runs the program with descriptor 3 as its output, which is compared.
static bool runs(char* path, char** arguments, const char* output) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  const int child = in_child([&] {
    close(3);
    dup(ends[1]);  // 3 is the lowest, or it was not open
    if (ends[0] != 3) close(ends[0]);
    exec(path, arguments);
    write(3, "failed", 6);
  });
  close(ends[1]);
  char text[256];
  int size = 0;
  for (int got; size < 255 && (got = read(ends[0], text + size, static_cast<int>(sizeof text) - 1 - size)) > 0;)
    size += got;
  text[size] = '\0';
  close(ends[0]);
  if (wait() != child) return false;
  if (same_text(text, output)) return true;
  say(text);
  return false;
}

TEST(Exec, PassesArguments) {
  char word[] = "+echo", first[] = "one", empty[] = "", last[] = "three words here";
  char* arguments[] = {program(), word, first, empty, last, nullptr};
  EXPECT(runs(program(), arguments, "one||three words here|"));
}

TEST(Exec, PassesNoArguments) {
  char* arguments[] = {nullptr};
  EXPECT(runs(program(), arguments, "none"));
}

TEST(Exec, LaysTheStackOut) {
  char word[] = "+stack";
  char* arguments[] = {program(), word, nullptr};
  EXPECT(runs(program(), arguments, "yes"));
}

TEST(Exec, EndsAProgramThatReturnsFromMain) {
  char word[] = "+return";
  char* arguments[] = {program(), word, nullptr};
  EXPECT(runs(program(), arguments, ""));
}

TEST(Exec, TakesThirtyTwoArguments) {
  char word[] = "+count";
  char* arguments[34];
  for (char*& one : arguments) one = word;
  arguments[32] = nullptr;
  EXPECT(runs(program(), arguments, "32"));
  arguments[32] = word;
  arguments[33] = nullptr;
  EXPECT(exec(program(), arguments) == -1);
}

// What does not fit into the stack's one page is refused, and the caller goes on.
TEST(Exec, RefusesArgumentsBeyondAPage) {
  static char large[201];
  fill(large, 'a', 200);
  char* arguments[32];
  for (int i = 0; i < 31; ++i) arguments[i] = large;
  arguments[31] = nullptr;
  EXPECT(exec(program(), arguments) == -1);
  static char larger[5000];
  fill(larger, 'a', 4999);
  char word[] = "+echo";
  char* others[] = {program(), word, larger, nullptr};
  EXPECT(exec(program(), others) == -1);
}

TEST(Exec, OfNoProgramFails) {
  char* arguments[] = {program(), nullptr};
  char absent[] = "absent", text[] = "text", directory[] = ".", empty[] = "", truncated[] = "truncated";
  EXPECT(exec(absent, arguments) == -1);
  EXPECT(make_file(text, "not a program"));
  EXPECT(exec(text, arguments) == -1);
  EXPECT(exec(directory, arguments) == -1);
  EXPECT(exec(empty, arguments) == -1);
  EXPECT(make_file(truncated, "\177ELF\1\1\1"));
  EXPECT(exec(truncated, arguments) == -1);
}

TEST(Exec, OfBadPointersFails) {
  char word[] = "+echo";
  char* arguments[] = {program(), word, nullptr};
  for (int i = 0; i < bad_address_count; ++i) {
    EXPECT(exec(bad_addresses[i], arguments) == -1);
    EXPECT(exec(program(), reinterpret_cast<char**>(bad_addresses[i])) == -1);
    char* bad[] = {program(), bad_addresses[i], nullptr};
    EXPECT(exec(program(), bad) == -1);
  }
  // An array, and a string, that run out of memory before they end.
  char* text = unended_text();
  EXPECT(exec(text, arguments) == -1);
  char* unended[] = {program(), text, nullptr};
  EXPECT(exec(program(), unended) == -1);
  char** last = reinterpret_cast<char**>(sbrk(0)) - 1;
  *last = word;
  EXPECT(exec(program(), last) == -1);
}

// A program of the other ABI, and back: descriptors and the working directory are kept.
TEST(Exec, RunsLinuxPrograms) {
  if (!has_linux()) return;
  char shell[] = "/bin/sh", option[] = "-c", script[] = "echo linux >&3; exec /xv6/xv6-tests +echo and back";
  char* arguments[] = {shell, option, script, nullptr};
  EXPECT(runs(shell, arguments, "linux\nand|back|"));
  char here[] = "echo new > file";
  arguments[2] = here;
  EXPECT(runs(shell, arguments, ""));
  EXPECT(file_holds("file", "new\n"));
}

TEST(Exec, PipesBetweenBothKinds) {
  if (!has_linux()) return;
  char shell[] = "/bin/sh", option[] = "-c";
  char script[] = "/xv6/xv6-tests +echo a b 3>&1 | tr ab cd | (read x; echo \"$x\" >&3); true";
  char* arguments[] = {shell, option, script, nullptr};
  EXPECT(runs(shell, arguments, "c|d|\n"));
}

// The handler is no code of the new program: what is sent to it waits.
TEST(Exec, ClearsTheHandler) {
  int ends[2];
  EXPECT(pipe(ends) == 0);
  const int child = in_child([&] {
    sigset([](char*) {});
    close(3);
    dup(ends[1]);
    char word[] = "+letter";
    char* arguments[] = {program(), word, nullptr};
    exec(program(), arguments);
  });
  char byte;
  EXPECT(read(ends[0], &byte, 1) == 1 && byte == 'r');
  char message[8] = "y";
  int receivers[] = {child};
  EXPECT(send_multi(getpid(), receivers, message, 1) == 0);
  EXPECT(send(getpid(), child, message) == 0);
  EXPECT(read(ends[0], &byte, 1) == 1 && byte == 'y');
  EXPECT(wait() == child);
}

TEST(Exec, LeavesNoSegmentsBehind) {
  if (!has_linux()) return;
  char shell[] = "/bin/sh", option[] = "-c", script[] = "/bin/busybox true && /bin/busybox echo fine >&3";
  char* arguments[] = {shell, option, script, nullptr};
  EXPECT(runs(shell, arguments, "fine\n"));
}
