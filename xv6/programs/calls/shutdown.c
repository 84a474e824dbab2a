// shutdown: of the machine, or, inside, of the container. Here of a container that was made for it.
#include "check.h"

int main(void) {
  int id = new_container();
  int ends[2];
  pipe(ends);
  int child = fork();
  if (child == 0) {
    check(join_container(id) == 0);
    shutdown();
    write(ends[1], "x", 1);
    exit();
  }
  close(ends[1]);
  char byte;
  check(read(ends[0], &byte, 1) == 0);  // it was ended
  check(wait() == child);
  destroy_container(id);
  passed();
}
