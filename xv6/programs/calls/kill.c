// kill: ends a process, whatever it does.
#include "check.h"

int main(void) {
  int child = sleeper();
  check(kill(child) == 0 && wait() == child);
  child = fork();
  if (child == 0)
    for (;;) continue;
  check(kill(child) == 0 && wait() == child);
  check(kill(child) == -1 && kill(-1) == -1 && kill(0) == -1);
  passed();
}
