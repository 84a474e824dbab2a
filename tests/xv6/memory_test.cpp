// What a program's memory is like, and what happens to one that leaves it.
#include "support/test.hpp"

static char zeros[20000];
static int initialised = 4711;
static char literal_holder[] = "x";

TEST(Memory, BeginsAsTheFileSays) {
  EXPECT(all_are(zeros, 0, sizeof zeros));
  EXPECT(initialised == 4711);
}

TEST(Memory, LiteralsMayBeWritten) {
  volatile char* text = const_cast<char*>("literal");
  text[0] = 'L';
  EXPECT(text[0] == 'L' && text[1] == 'i');
}

TEST(Memory, IsValidAtZero) {
  volatile unsigned char* at;
  asm volatile("xorl %0, %0" : "=r"(at));
  const unsigned char byte = *at;
  *at = byte;
  EXPECT(*at == byte);
}

TEST(Memory, CanBeExecuted) {
  static unsigned char code[] = {0xb8, 0x2a, 0, 0, 0, 0xc3};  // movl $42, %eax; ret
  EXPECT(reinterpret_cast<int (*)()>(code)() == 42);
  char* heap = sbrk(4096);
  for (uint i = 0; i < sizeof code; ++i) heap[i] = static_cast<char>(code[i]);
  EXPECT(reinterpret_cast<int (*)()>(heap)() == 42);
}

// One page, and one below it that is not there.
TEST(Memory, StackIsOnePage) {
  char* top = reinterpret_cast<char*>((reinterpret_cast<uint>(__builtin_frame_address(0)) + 4095) & ~4095u);
  EXPECT(sbrk(0) == top);
  EXPECT(survives([&] { *const_cast<volatile char*>(top - 4096) = 1; }));
  EXPECT(!survives([&] { *const_cast<volatile char*>(top - 4097) = 1; }));
  EXPECT(!survives([&] { *const_cast<volatile char*>(top - 8192) = 1; }));
  EXPECT(survives([&] { *const_cast<volatile char*>(top - 8193) = 1; }));
}

TEST(Memory, RunningOverTheStackEnds) {
  EXPECT(!survives([] {
    struct Deep {
      static int down(int depth) {
        volatile char room[64] = {};
        return depth == 0 ? room[0] : down(depth - 1) + room[1];
      }
    };
    Deep::down(100000);
  }));
}

TEST(Memory, AboveTheHeapIsNothing) {
  EXPECT(!survives([] { *const_cast<volatile char*>(sbrk(0) + 4096) = 1; }));
}

TEST(Memory, KernelAddressesEndTheProgram) {
  for (uint address = 0x80000000; address < 0x80000000 + 2000000; address += 250000)
    EXPECT(!survives([&] { (void)*reinterpret_cast<volatile char*>(address); }));
  EXPECT(!survives([] { (void)*reinterpret_cast<volatile char*>(0xfffff000); }));
  EXPECT(!survives([] { *reinterpret_cast<volatile char*>(0x80000000) = 1; }));
}

TEST(Memory, PrivilegedInstructionsEndTheProgram) {
  EXPECT(!survives([] { asm volatile("outb %%al, $0xf4" ::"a"(0)); }));
  EXPECT(!survives([] { asm volatile("inb %%dx, %%al" ::"d"(0x71) : "eax"); }));
  EXPECT(!survives([] { asm volatile("hlt"); }));
  EXPECT(!survives([] { asm volatile("cli"); }));
  EXPECT(!survives([] { asm volatile("ud2"); }));
  EXPECT(!survives([] { asm volatile("int3"); }));
  EXPECT(!survives([] { asm volatile("int $0x20"); }));
  EXPECT(!survives([] { asm volatile("divl %%ecx" ::"a"(1), "d"(0), "c"(0)); }));
}

// There is no other code segment for such a program, so it does not become one of 64 bits.
TEST(Memory, NoWayTo64Bits) {
  EXPECT(!survives([] { asm volatile("ljmp $0x33, $1f; 1:"); }));
  EXPECT(survives([] { asm volatile("ljmp $0x23, $1f; 1:"); }));
}

TEST(Memory, SegmentsStayItsOwn) {
  EXPECT(survives([] {
    uint ds, es, fs, gs;
    asm volatile("movl $0x2b, %%eax; movl %%eax, %%fs; movl %%eax, %%gs" ::: "eax");
    for (int i = 0; i < 50; ++i) {
      sleep(0);
      asm volatile("movl %%ds, %0; movl %%es, %1; movl %%fs, %2; movl %%gs, %3"
                   : "=r"(ds), "=r"(es), "=r"(fs), "=r"(gs));
      if (ds != 0x2b || es != 0x2b || fs != 0x2b || gs != 0x2b) exit();
      sleep(1);
    }
  }));
  uint fs = 1, gs = 1;
  asm volatile("movl %%fs, %0; movl %%gs, %1" : "=r"(fs), "=r"(gs));
  EXPECT(fs == 0 && gs == 0);
}

TEST(Sbrk, GrowsByteByByte) {
  char* at = sbrk(0);
  for (int i = 0; i < 5000; ++i) {
    char* got = sbrk(1);
    EXPECT(got == at);
    *got = 1;
    ++at;
  }
  EXPECT(survives([&] {
    if (sbrk(1) != at || sbrk(1) != at + 1) exit();
  }));
  EXPECT(sbrk(0) == at);
}

TEST(Sbrk, ShrinksAndForgets) {
  char* before = sbrk(20000);
  fill(before, 7, 20000);
  EXPECT(sbrk(-20000) == before + 20000);
  EXPECT(sbrk(0) == before);
  EXPECT(!survives([&] { *const_cast<volatile char*>(before + 10000) = 1; }));
  EXPECT(sbrk(20000) == before);
  EXPECT(all_are(before + 4096, 0, 20000 - 4096));
}

TEST(Sbrk, TakesAHundredMegabytes) {
  constexpr uint most = 100 * 1024 * 1024;
  char* before = sbrk(0);
  const uint amount = most - reinterpret_cast<uint>(before);
  EXPECT(sbrk(static_cast<int>(amount)) == before);
  *const_cast<volatile char*>(before + amount - 1) = 99;
  EXPECT(sbrk(-4096) == before + amount);
  EXPECT(sbrk(4096) == before + amount - 4096);
  EXPECT(before[amount - 1] == 0);
  EXPECT(sbrk(-static_cast<int>(amount)) == before + amount);
}

TEST(Sbrk, RefusesTooMuch) {
  char* before = sbrk(0);
  const auto failure = reinterpret_cast<char*>(-1);
  EXPECT(sbrk(0x7fffffff) == failure);
  EXPECT(sbrk(static_cast<int>(0x80000000)) == failure);
  EXPECT(sbrk(0x7f000000) == failure);
  EXPECT(sbrk(-0x10000000) == failure);
  EXPECT(sbrk(0) == before);
}

// Several at once want more than there is: some get it, the others are told, and nobody is ended for it.
TEST(Sbrk, OfManyAtOnceFailsCleanly) {
  constexpr int children = 10;
  constexpr int much = 100 * 1024 * 1024;
  int ends[2], pids[children];
  EXPECT(pipe(ends) == 0);
  for (int& pid : pids)
    pid = in_child([&] {
      sbrk(much);
      write(ends[1], "x", 1);
      for (;;) sleep(1000);
    });
  for (int i = 0; i < children; ++i) {
    char byte;
    EXPECT(read(ends[0], &byte, 1) == 1);
  }
  EXPECT(sbrk(4096) != reinterpret_cast<char*>(-1));
  for (const int pid : pids) kill(pid);
  for (int i = 0; i < children; ++i) EXPECT(wait() > 0);
}

TEST(Sbrk, ToTheEndAndBack) {
  char* before = sbrk(0);
  const auto failure = reinterpret_cast<char*>(-1);
  constexpr int step = 4 * 1024 * 1024;
  int steps = 0;
  while (steps < 512 && sbrk(step) != failure) ++steps;
  EXPECT(steps > 10 && steps < 512);
  EXPECT(sbrk(0) == before + steps * step);
  *const_cast<volatile char*>(before + steps * step - 1) = 1;
  while (steps-- > 0) EXPECT(sbrk(-step) != failure);
  EXPECT(sbrk(0) == before && sbrk(step) == before && all_are(before + 4096, 0, step - 4096));
}

TEST(Memory, LiteralHolderIsThere) { EXPECT(literal_holder[0] == 'x'); }
