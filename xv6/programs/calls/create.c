// create_container: a new container, and its number.
#include "check.h"

int main(void) {
  int first = new_container(), second = new_container();
  check(first >= 0 && second >= 0 && first != second);
  check(destroy_container(first) == 0 && destroy_container(second) == 0);
  passed();
}
