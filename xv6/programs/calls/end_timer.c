// end_timer: milliseconds of processor time since start_timer, also when the process has ended.
#include "check.h"

int main(void) {
  check(end_timer(getpid()) == -1);  // was not started
  int child = sleeper();
  check(start_timer(child) == 0);
  sleep(10);
  check(end_timer(child) < 50);  // it sleeps
  kill(child);
  check(wait() == child);
  check(end_timer(child) >= 0);
  check(end_timer(-1) == -1 && end_timer(1000000) == -1);
  passed();
}
