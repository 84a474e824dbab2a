// memory_log_on: a line for each allocation that memory_gva records.
#include "check.h"

int main(void) {
  int id = new_container();
  check(join_container(id) == 0);
  check(memory_log_on() == 0);
  check(memory_log_on() == -1);  // it is on
  check(memory_gva(16, 0x1000) == 0);
  check(memory_log_off() == 0);
  leave_container();
  check(destroy_container(id) == 0);
  passed();
}
