#include "support/test.hpp"

extern "C" {
extern const TestCase __start_test_cases[], __stop_test_cases[];
}

namespace {

int verdict_pipe[2];
constexpr int longest_ticks = 3000;  // of one test

bool matches(const char* pattern, const TestCase& test) {
  const char* parts[] = {test.suite, ".", test.name};
  for (const char* part : parts)
    for (; *part; ++part, ++pattern) {
      if (*pattern == '*') return true;
      if (*pattern != *part) return false;
    }
  return *pattern == '\0' || *pattern == '*';
}

bool wanted(const TestCase& test, int count, char** patterns) {
  for (int i = 1; i < count; ++i)
    if (matches(patterns[i], test)) return true;
  return count <= 1;
}

void print_verdict(const char* verdict, const TestCase& test) {
  char line[128];
  char* at = line;
  const char* parts[] = {verdict, test.suite, ".", test.name, "\n"};
  for (const char* part : parts)
    while (*part) *at++ = *part++;
  write(1, line, static_cast<int>(at - line));
}

// A directory of its own, left behind.
void enter_directory() {
  char name[] = "t00000";
  int number = getpid();
  for (int i = 5; i > 0; --i, number /= 10) name[i] = static_cast<char>('0' + number % 10);
  if (mkdir(name) != 0 || chdir(name) != 0) say("cannot make a directory\n");
}

// The two that depend on the program.
void find_bad_addresses() {
  constexpr uint page = 4096;
  bad_addresses[5] = sbrk(0);
  bad_addresses[6] = reinterpret_cast<char*>((reinterpret_cast<uint>(__builtin_frame_address(0)) & ~(page - 1)) - page);
}

void run(const TestCase& test) {
  pipe(verdict_pipe);
  const int child = in_child([&] {
    close(verdict_pipe[0]);
    enter_directory();
    find_bad_addresses();
    test.run();
    write(verdict_pipe[1], "y", 1);
  });
  const int watchdog = in_child([&] {
    close(verdict_pipe[0]);
    sleep(longest_ticks);
    kill(child);
  });
  while (wait() != child) {
  }
  kill(watchdog);
  wait();
  write(verdict_pipe[1], "n", 1);  // there is something to read, whoever else has the pipe still open
  char byte = 0;
  const bool passed = read(verdict_pipe[0], &byte, 1) == 1 && byte == 'y';
  close(verdict_pipe[0]);
  close(verdict_pipe[1]);
  print_verdict(passed ? "ok " : "FAILED ", test);
}

}  // namespace

char* bad_addresses[] = {
    reinterpret_cast<char*>(0x7ffffffc),
    reinterpret_cast<char*>(0x80000000),
    reinterpret_cast<char*>(0x80100000),
    reinterpret_cast<char*>(0xfffffffc),
    reinterpret_cast<char*>(0xffffffff),
    nullptr,
    nullptr,  // find_bad_addresses()
};
const int bad_address_count = sizeof bad_addresses / sizeof bad_addresses[0];

void fail(const char* file, int line, const char* condition) {
  say(file);
  say(":");
  say_number(line);
  say(": ");
  say(condition);
  say("\n");
  exit();
}

int length_of(const char* text) {
  int length = 0;
  while (text[length]) ++length;
  return length;
}

bool same_text(const char* a, const char* b) {
  while (*a && *a == *b) ++a, ++b;
  return *a == *b;
}

void fill(void* to, int byte, uint count) {
  volatile char* bytes = static_cast<volatile char*>(to);
  while (count) bytes[--count] = static_cast<char>(byte);
}

bool all_are(const void* bytes, int byte, uint count) {
  const volatile char* at = static_cast<const volatile char*>(bytes);
  while (count)
    if (at[--count] != static_cast<char>(byte)) return false;
  return true;
}

void say(const char* text) { write(1, text, length_of(text)); }

void say_number(int number) {
  char digits[12];
  int at = sizeof digits;
  digits[--at] = '\0';
  const bool negative = number < 0;
  unsigned rest = negative ? 0u - static_cast<unsigned>(number) : static_cast<unsigned>(number);
  do digits[--at] = static_cast<char>('0' + rest % 10);
  while (rest /= 10);
  if (negative) digits[--at] = '-';
  say(digits + at);
}

char* unended_text() {
  constexpr uint page = 4096;
  sbrk(static_cast<int>(page - reinterpret_cast<uint>(sbrk(0)) % page));
  char* text = sbrk(0) - 8;
  fill(text, 'x', 8);
  return text;
}

bool exists(const char* name) {
  const int file = open(name, O_RDONLY);
  close(file);
  return file >= 0;
}

bool make_file(const char* name, const char* text) {
  unlink(name);
  const int file = open(name, O_CREATE | O_RDWR);
  if (file < 0) return false;
  const int length = length_of(text);
  const bool written = write(file, text, length) == length;
  return close(file) == 0 && written;
}

bool file_holds(const char* name, const char* text) {
  const int file = open(name, O_RDONLY);
  if (file < 0) return false;
  const int length = length_of(text);
  bool same = true;
  char byte;
  for (int i = 0; i < length && same; ++i) same = read(file, &byte, 1) == 1 && byte == text[i];
  same = same && read(file, &byte, 1) == 0;
  return close(file) == 0 && same;
}

int run_helper(int count, char** arguments);

extern "C" int main(int count, char** arguments) {
  if (count == 0 || !arguments[0][0] || (count > 1 && arguments[1][0] == '+')) return run_helper(count, arguments);
  for (const TestCase* test = __start_test_cases; test != __stop_test_cases; ++test)
    if (wanted(*test, count, arguments)) run(*test);
  say("tests have ended\n");
  exit();
}
