// write: bytes to a file, which grows, up to 140 blocks of 512.
#include "check.h"

int main(void) {
  static char block[512];
  int file = open("write_file", O_CREATE | O_RDWR);
  int count = 0;
  while (write(file, block, sizeof block) == sizeof block) ++count;
  check(count == 140);
  struct stat status;
  check(fstat(file, &status) == 0 && status.size == 140 * sizeof block);
  close(file);
  check(write(file, block, 1) == -1 && write(-1, block, 1) == -1);
  file = open("write_file", O_RDWR);
  check(write(file, NOWHERE, 1) == -1 && write(file, block, -1) == -1 && write(file, block, 0) == 0);
  unlink("write_file");
  passed();
}
