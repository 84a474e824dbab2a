// link: another name of the same file.
#include "check.h"

int main(void) {
  int file = open("link_old", O_CREATE | O_RDWR);
  check(link("link_old", "link_new") == 0);
  check(write(file, "same", 4) == 4);
  struct stat old, new;
  check(stat("link_old", &old) == 0 && stat("link_new", &new) == 0);
  check(old.ino == new.ino && new.nlink == 2 && new.size == 4);
  check(unlink("link_old") == 0 && stat("link_new", &new) == 0 && new.nlink == 1);
  check(link("link_old", "link_other") == -1 && link("link_new", "link_new") == -1 && link(".", "link_dir") == -1);
  check(link(NOWHERE, "link_x") == -1 && link("link_new", NOWHERE) == -1);
  unlink("link_new");
  passed();
}
