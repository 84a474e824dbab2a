// close: gives a descriptor back; the next open gets the lowest that is free.
#include "check.h"

int main(void) {
  int first = open(".", O_RDONLY), second = open(".", O_RDONLY);
  check(first >= 0 && second > first);
  check(close(first) == 0 && close(first) == -1);
  check(open(".", O_RDONLY) == first);
  check(close(-1) == -1 && close(99) == -1);
  passed();
}
