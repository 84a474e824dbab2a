// uptime: ticks of 10 ms since the start.
#include "check.h"

int main(void) {
  int begin = uptime(), now = begin;
  check(begin >= 0);
  while (now < begin + 3) {
    int next = uptime();
    check(next >= now);
    now = next;
  }
  passed();
}
