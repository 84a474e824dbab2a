// scheduler_log_on: a line for each decision of the own container's scheduler.
#include "check.h"

int main(void) {
  int id = new_container();
  check(join_container(id) == 0);
  check(scheduler_log_on() == 0);
  check(scheduler_log_on() == -1);  // it is on
  sleep(2);
  check(scheduler_log_off() == 0);
  leave_container();
  check(destroy_container(id) == 0);
  passed();
}
