// mkdir: a directory.
#include "check.h"

int main(void) {
  struct stat status;
  check(mkdir("mkdir_place") == 0 && mkdir("mkdir_place/inner") == 0);
  check(stat("mkdir_place/inner/..", &status) == 0 && status.type == T_DIR);
  check(mkdir("mkdir_place") == -1 && mkdir("mkdir_none/inner") == -1 && mkdir(".") == -1 && mkdir(NOWHERE) == -1);
  check(unlink("mkdir_place/inner") == 0 && unlink("mkdir_place") == 0);
  passed();
}
