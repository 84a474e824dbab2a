// unlink: removes a name; the file goes when nobody has it open.
#include "check.h"

int main(void) {
  int file = open("unlink_file", O_CREATE | O_RDWR);
  check(unlink("unlink_file") == 0 && open("unlink_file", O_RDONLY) == -1);
  check(write(file, "still", 5) == 5);
  check(unlink("unlink_file") == -1 && unlink(".") == -1 && unlink(NOWHERE) == -1);
  check(mkdir("unlink_place") == 0 && mkdir("unlink_place/inner") == 0);
  check(unlink("unlink_place") == -1);  // not empty
  check(unlink("unlink_place/inner") == 0 && unlink("unlink_place") == 0);
  passed();
}
