// destroy_container: the end of a container and of all that is in it.
#include "check.h"

int main(void) {
  int id = new_container(), ends[2];
  char byte;
  pipe(ends);
  int child = fork();
  if (child == 0) {
    join_container(id);
    write(ends[1], "j", 1);
    for (;;) sleep(1000);
  }
  check(read(ends[0], &byte, 1) == 1);
  check(destroy_container(id) == 0 && wait() == child);
  check(destroy_container(id) == -1 && join_container(id) == -1);
  check(destroy_container(-1) == -1 && destroy_container(1000000) == -1);
  passed();
}
