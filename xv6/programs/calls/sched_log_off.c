// scheduler_log_off: no more of the lines that scheduler_log_on asked for.
#include "check.h"

int main(void) {
  int id = new_container();
  check(join_container(id) == 0);
  check(scheduler_log_off() == -1);  // it is not on
  check(scheduler_log_on() == 0 && scheduler_log_off() == 0);
  leave_container();
  check(destroy_container(id) == 0);
  passed();
}
