// fork: a second process, a copy of the first, which goes its own way.
#include "check.h"

int main(void) {
  int number = 1;
  int child = fork();
  if (child == 0) {
    number = 2;
    exit();
  }
  check(child > 0 && child != getpid());
  check(wait() == child);
  check(number == 1);

  int count = 0;  // until there is no room for more, where there is a limit
  while (count < 100 && (child = fork()) > 0) ++count;
  if (child == 0) exit();
  while (wait() > 0) --count;
  check(count == 0);
  passed();
}
