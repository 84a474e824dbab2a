// join_container: the process goes on inside: with the container's processes, and its own copy of the files.
#include "check.h"

int main(void) {
  int id = new_container(), outside = cid();
  check(join_container(-1) == -1 && join_container(1000000) == -1);
  check(join_container(id) == 0 && cid() == id);
  close(open("join_file", O_CREATE | O_RDWR));
  check(leave_container() == 0 && cid() == outside);
  check(open("join_file", O_RDONLY) == -1);  // it is the container's
  check(destroy_container(id) == 0);
  passed();
}
