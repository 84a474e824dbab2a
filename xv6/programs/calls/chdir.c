// chdir: the directory in which names begin.
#include "check.h"

int main(void) {
  check(mkdir("chdir_place") == 0 && chdir("chdir_place") == 0);
  close(open("inside", O_CREATE | O_RDWR));
  check(chdir("..") == 0);
  check(open("inside", O_RDONLY) == -1);
  check(chdir("chdir_place/inside") == -1);  // a file
  check(chdir("not_there") == -1 && chdir(NOWHERE) == -1);
  check(unlink("chdir_place/inside") == 0 && unlink("chdir_place") == 0);
  passed();
}
