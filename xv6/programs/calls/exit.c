// exit: ends the process; its files are closed.
#include "check.h"

int main(void) {
  int ends[2];
  check(pipe(ends) == 0);
  int child = fork();
  if (child == 0) {
    write(ends[1], "x", 1);
    exit();
  }
  close(ends[1]);
  char byte;
  check(read(ends[0], &byte, 1) == 1 && byte == 'x');
  check(read(ends[0], &byte, 1) == 0);  // the child had the last end for writing
  check(wait() == child);
  passed();
}
