// toggle: switches counting on, from nothing, or off.
#include "check.h"

int main(void) {
  check(toggle() == 0);
  add(1, 1);
  check(toggle() == 0 && toggle() == 0);
  check(print_count() == 0);  // without sys_add
  check(toggle() == 0);
  passed();
}
