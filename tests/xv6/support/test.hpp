// Tests that are xv6 programs themselves: all in one, each in a process and a directory of its own.
//
//   TEST(Pipe, CarriesBytes) {
//     EXPECT(write(ends[1], "x", 1) == 1);     // on failure: a line, and the test ends
//   }
//
// The program prints `ok Pipe.CarriesBytes` or, after what is wrong, `FAILED Pipe.CarriesBytes`; in the end
// `tests have ended`. Its arguments are the names of the tests to run, all without any; a `*` at the end matches the rest.
#pragma once

#include "types.h"
// In this order: as xv6 programs include them.
#include "stat.h"
#include "user.h"
#include "fcntl.h"
#include "fs.h"
#include "param.h"

struct TestCase {
  const char* suite;
  const char* name;
  void (*run)();
};

#define TEST(suite, name)                                                                    \
  static void suite##_##name();                                                              \
  [[gnu::section("test_cases"), gnu::used, gnu::retain]] static constinit const TestCase     \
      case_##suite##_##name = {#suite, #name, suite##_##name};                               \
  static void suite##_##name()

#define EXPECT(condition) \
  if (!(condition)) fail(__FILE__, __LINE__, #condition)

[[noreturn]] void fail(const char* file, int line, const char* condition);

// A child that does this and ends: its pid.
template <class Action>
int in_child(Action action) {
  const int pid = fork();
  if (pid != 0) return pid;
  action();
  exit();
}
// The same, waited for; true: it came to the action's end. False: it was ended before.
template <class Action>
bool survives(Action action) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  const int pid = in_child([&] {
    close(ends[0]);
    action();
    write(ends[1], "y", 1);
  });
  close(ends[1]);
  char byte = 0;
  const bool reached = pid > 0 && read(ends[0], &byte, 1) == 1 && byte == 'y';
  close(ends[0]);
  return wait() == pid && reached;
}

// Whether it can be opened.
bool exists(const char* name);
// The file's whole contents, compared; made of that text, replacing what was there.
bool file_holds(const char* name, const char* text);
bool make_file(const char* name, const char* text);

int length_of(const char* text);
bool same_text(const char* a, const char* b);
void fill(void* to, int byte, uint count);
bool all_are(const void* bytes, int byte, uint count);
void say(const char* text);
void say_number(int number);

// Addresses that no program has memory at: the kernel's in xv6, what wraps around, what is above the heap (as it was
// when the test began), the page below the stack.
extern char* bad_addresses[];
extern const int bad_address_count;
// Text whose end is where the program's memory ends, and not before.
char* unended_text();
