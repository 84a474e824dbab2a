// The fuzzer's part for the xv6 ABI: `call-fuzz-xv6 SEED` starts processes, one after the other, that make calls with all kinds
// of arguments, and ends each after a while; it goes on until it is ended itself.
#include "types.h"
#include "stat.h"
#include "user.h"
#include "random.hpp"

// The call with this number; the arguments lie above what stands for a return address. At `stack`, if it is not null: there.
extern "C" int make_call(int number, const int* stack);
asm(R"(
  .text
  .globl make_call
make_call:
  pushl %ebx
  pushl %esi
  movl %esp, %ebx
  movl 12(%esp), %eax
  movl 16(%esp), %esi
  movl %esi, %esp
  int $0x40
  movl %ebx, %esp
  popl %esi
  popl %ebx
  ret
)");

namespace {

using cv6::calls::Random;

constexpr unsigned last_number = 48, words = 8, memory_size = 16384;
constexpr int fork_number = 1, exit_number = 2, exec_number = 7, sigret_number = 31, leave_number = 40, destroy_number = 38;
constexpr int patience = 12;  // ticks

char* memory;  // that arguments point to

const char* const names[] = {"/",    ".",        "..",     "",       "f0",       "f1",      "f2",          "d0",
                             "d0/f0", "d0/../f1", "/tmp",   "/proc",  "/dev/null", "console", "fourteen_bytes", "fourteen_bytes_and_more",
                             "f0/",  "/xv6/echo", "/bin/busybox", "program", "/fuzz-mark/file", "/proc/self/fd/3"};
constexpr int wild_values[] = {0, -1, 1, 4096, 8191, 0x7fffffff, 0x7ffffffc, int(0x80000000), int(0xfffffffc), 0x10000, int(0xc0000000)};

char* arguments_of_exec[6];

int address(Random& random) {
  if (random.one_in(8)) return random.of(wild_values);
  return reinterpret_cast<int>(memory) + int(random.below(memory_size + 100));
}

int argument(Random& random) {
  switch (random.below(8)) {
    case 0: return address(random);
    case 1: return int(random.next());
    case 2: return random.of(wild_values);
    case 3: return int(1u << random.below(32));
    case 4: return reinterpret_cast<int>(random.of(names));
    case 5: return int(random.below(5000));
    case 6: return random.one_in(2) ? getpid() : int(random.below(40));
    default: return int(random.below(12));
  }
}

// What each argument of the calls is: a name, a descriptor, memory, a size, a process, a small number, anything.
const char* const shapes[last_number] = {
    "x", "",   "",    "",  "b",  "dbs", "p",  "na", "db", "n", "d",  "",   "s",   "w",  "",     "nw",
    "dbs", "nww", "n", "nn", "n", "d",  "",   "",   "xx", "",  "",   "ppb", "b", "pbbw", "b",  "",
    "",  "p",  "p",   "w", "",   "",    "w",  "w",  "",   "",  "",   "",    "",  "",   "",     "sx"};

int shaped(char letter, Random& random) {
  switch (letter) {
    case 'n': return reinterpret_cast<int>(random.of(names));
    case 'd': return int(random.below(18));
    case 'b': return address(random);
    case 's': return int(random.below(random.one_in(4) ? 20000 : 600));
    case 'p': return random.one_in(2) ? getpid() : int(random.below(30));
    case 'w': return int(random.below(6));
    case 'a':
      for (char*& name : arguments_of_exec) name = const_cast<char*>(random.of(names));
      arguments_of_exec[random.below(6)] = nullptr;
      return reinterpret_cast<int>(arguments_of_exec);
    default: return argument(random);
  }
}

void build(unsigned number, int* stack, Random& random) {
  const char* shape = number < last_number ? shapes[number] : "";
  stack[0] = 0;
  for (unsigned i = 1; i < words; ++i) {
    const char letter = *shape ? *shape++ : 'x';
    stack[i] = random.one_in(12) ? argument(random) : shaped(letter, random);
  }
}

bool ends_caller(unsigned number) {
  return number == exit_number || number == exec_number || number == sigret_number || number == leave_number ||
         number == destroy_number;
}

void make_calls(unsigned long long seed) {
  Random random(seed);
  int stack[words];
  for (int left = 400; left > 0; --left) {
    const unsigned number = random.one_in(50) ? unsigned(random.next()) : unsigned(random.below(last_number + 2));
    if (ends_caller(number) && !random.one_in(10)) continue;
    if (number == fork_number && !random.one_in(3)) continue;
    build(number, stack, random);
    const int* where = random.one_in(60) ? reinterpret_cast<const int*>(address(random)) : stack;
    if (make_call(int(number), where) == 0 && number == fork_number) {
      random = Random(random.next() ^ unsigned(getpid()));
      left /= 3;
    }
  }
  exit();
}

void be_process(unsigned long long seed) {
  mkdir("/tmp/fuzz");
  chdir("/tmp/fuzz");
  mkdir("d0");
  memory = sbrk(memory_size);
  open("f0", 0x202);
  open("f1", 0x202);
  open("d0/f0", 0x202);
  int ends[2];
  pipe(ends);
  make_calls(seed);
}

// Ends `process` after a while, or what else fills the container.
void watch(int process) {
  sleep(patience);
  kill(process);
  exit();
}

}  // namespace

int main(int count, char** arguments) {
  unsigned long long seed = 1;
  for (const char* text = count > 1 ? arguments[1] : ""; *text; ++text) seed = seed * 10 + (*text - '0');
  Random random(seed);
  for (;;) {
    const unsigned long long own = random.next();
    const int process = fork();
    if (process == 0) be_process(own);
    const int watcher = process > 0 ? fork() : -1;
    if (watcher == 0) watch(process);
    if (watcher < 0)
      for (int other = 2; other < 100; ++other)
        if (other != getpid()) kill(other);
    for (int ended = wait(); ended >= 0 && ended != process; ended = wait()) continue;
    if (watcher > 0) kill(watcher);
    for (int ended = wait(); ended >= 0 && ended != watcher; ended = wait()) continue;
  }
}
