// leave_container: back to where the process was before it joined.
#include "check.h"

int main(void) {
  int id = new_container(), before = getpid(), outside = cid();
  check(join_container(id) == 0);
  check(leave_container() == 0);
  check(getpid() == before && cid() == outside);
  if (outside == -1) check(leave_container() == -1);  // the host cannot be left
  check(destroy_container(id) == 0);
  passed();
}
