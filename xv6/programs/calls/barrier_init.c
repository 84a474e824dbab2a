// barrier_init: a barrier for the caller and all that it forks from then on.
#include "check.h"

int main(void) {
  check(barrier() == -1);  // there is none yet
  check(barrier_init(0) == -1 && barrier_init(-1) == -1);
  check(barrier_init(1) == 0 && barrier() == 0);
  check(barrier_init(2) == 0);
  int child = fork();
  if (child == 0) {
    barrier();
    exit();
  }
  check(barrier() == 0 && wait() == child);
  passed();
}
