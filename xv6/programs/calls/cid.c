// cid: the number of the own container; -1 on the host.
#include "check.h"

int main(void) {
  int outside = cid();
  check(outside >= -1);
  int id = new_container();
  check(join_container(id) == 0 && cid() == id);
  check(leave_container() == 0 && cid() == outside);
  check(destroy_container(id) == 0);
  passed();
}
