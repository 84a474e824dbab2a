// barrier: nobody goes on before all have come, time and again.
#include "check.h"

#define COUNT 4
#define TURNS 50

int main(void) {
  int ends[2];
  pipe(ends);
  check(barrier_init(COUNT + 1) == 0);
  for (int i = 0; i < COUNT; ++i)
    if (fork() == 0) {
      for (int turn = 0; turn < TURNS; ++turn) {
        write(ends[1], "x", 1);
        barrier();
        barrier();
      }
      exit();
    }
  for (int turn = 0; turn < TURNS; ++turn) {
    char bytes[COUNT];
    check(barrier() == 0);
    check(read(ends[0], bytes, COUNT) == COUNT);  // all have written before anybody went on
    check(barrier() == 0);
  }
  for (int i = 0; i < COUNT; ++i) wait();
  passed();
}
