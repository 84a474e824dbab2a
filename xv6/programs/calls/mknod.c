// mknod: a name for a device; 1 is the console.
#include "check.h"

int main(void) {
  struct stat status;
  check(mknod("mknod_node", 1, 1) == 0);
  check(stat("mknod_node", &status) == 0 && status.type == T_DEV);
  int console = open("mknod_node", O_RDWR);
  check(console >= 0 && write(console, "", 0) == 0);
  check(mknod("mknod_node", 1, 1) == -1 && mknod(NOWHERE, 1, 1) == -1);
  check(mknod("mknod_other", 77, 0) == 0);
  int other = open("mknod_other", O_RDWR);
  check(other == -1 || write(other, "x", 1) == -1);  // nothing answers
  check(unlink("mknod_node") == 0 && unlink("mknod_other") == 0);
  passed();
}
