// start_timer: from now on the processor time of a process is measured.
#include "check.h"

int main(void) {
  int self = getpid();
  check(start_timer(self) == 0);
  int until = uptime() + 10;
  while (uptime() < until) continue;
  check(end_timer(self) > 0);
  check(start_timer(self) == 0 && end_timer(self) < 50);  // anew
  check(start_timer(-1) == -1 && start_timer(1000000) == -1);
  passed();
}
