// getpid: the number of this process.
#include "check.h"

int main(void) {
  int parent = getpid();
  check(parent > 0 && getpid() == parent);
  int ends[2];
  pipe(ends);
  int child = fork();
  if (child == 0) {
    int own = getpid();
    write(ends[1], &own, sizeof own);
    exit();
  }
  int told = 0;
  check(read(ends[0], &told, sizeof told) == sizeof told && told == child && told != parent);
  wait();
  passed();
}
