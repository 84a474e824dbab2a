// dps: a table of the processes that one sees.
#include "check.h"

int main(void) {
  int child = fork();
  if (child == 0) exit();
  sleep(2);
  check(dps() == 0);  // this one runs, its child is a zombie
  check(wait() == child);
  passed();
}
