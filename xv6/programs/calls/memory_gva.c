// memory_gva: records an allocation; where it begins in the container, one behind the other.
#include "check.h"

int main(void) {
  int id = new_container();
  check(join_container(id) == 0);
  check(memory_gva(10, 0x1000) == 0);
  check(memory_gva(14, 0x2000) == 10);
  check(memory_gva(0, 0x3000) == 24);
  check(memory_gva(-1, 0x4000) == -1);
  leave_container();
  check(destroy_container(id) == 0);
  passed();
}
