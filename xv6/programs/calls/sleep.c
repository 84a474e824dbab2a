// sleep: for a number of ticks of 10 ms.
#include "check.h"

int main(void) {
  int begin = uptime();
  check(sleep(5) == 0 && uptime() - begin >= 5);
  check(sleep(0) == 0);
  passed();
}
