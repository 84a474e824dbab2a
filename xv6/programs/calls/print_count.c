// print_count: a line for each call that was made since toggle() switched counting on.
#include "check.h"

int main(void) {
  toggle();
  for (int i = 0; i < 3; ++i) uptime();
  check(print_count() == 0);  // among others: sys_uptime 3
  toggle();
  passed();
}
