// pipe: bytes go in at one end and come out at the other, in order.
#include "check.h"

int main(void) {
  int ends[2];
  check(pipe(NOWHERE) == -1);
  check(pipe(ends) == 0);
  char bytes[6] = "";
  check(write(ends[1], "hel", 3) == 3 && write(ends[1], "lo", 2) == 2);
  check(read(ends[0], bytes, 5) == 5 && strcmp(bytes, "hello") == 0);
  check(read(ends[1], bytes, 1) == -1 && write(ends[0], bytes, 1) == -1);  // each end is for one thing
  close(ends[0]);
  check(write(ends[1], "x", 1) == -1);  // nobody can read it
  passed();
}
