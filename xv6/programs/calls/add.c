// add: the sum.
#include "check.h"

int main(void) {
  check(add(2, 3) == 5 && add(-7, 7) == 0 && add(0x7fffffff, 1) == (int)0x80000000);
  passed();
}
