// dup: a second descriptor of the same open file, with the same position.
#include "check.h"

int main(void) {
  int file = open("dup_file", O_CREATE | O_RDWR);
  int second = dup(file);
  check(second >= 0 && second != file);
  check(write(file, "ab", 2) == 2 && write(second, "cd", 2) == 2);
  close(file);
  check(write(second, "e", 1) == 1);
  struct stat status;
  check(fstat(second, &status) == 0 && status.size == 5);
  check(dup(file) == -1 && dup(-1) == -1 && dup(99) == -1);
  while (dup(second) >= 0) continue;  // 16 at most
  check(dup(second) == -1);
  unlink("dup_file");
  passed();
}
