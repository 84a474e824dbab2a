// memory_log_off: allocations are recorded without a line.
#include "check.h"

int main(void) {
  int id = new_container();
  check(join_container(id) == 0);
  check(memory_log_off() == -1);  // it is not on
  check(memory_log_on() == 0 && memory_log_off() == 0);
  check(memory_gva(16, 0x1000) == 0);
  leave_container();
  check(destroy_container(id) == 0);
  passed();
}
