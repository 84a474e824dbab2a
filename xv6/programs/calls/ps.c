// ps: a line for each process that one sees.
#include "check.h"

int main(void) {
  int child = sleeper();
  check(ps() == 0);  // this one and its child
  kill(child);
  wait();
  passed();
}
