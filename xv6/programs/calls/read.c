// read: the next bytes of a file, and 0 at its end.
#include "check.h"

int main(void) {
  int file = open("read_file", O_CREATE | O_RDWR);
  check(file >= 0 && write(file, "abcdef", 6) == 6);
  close(file);
  file = open("read_file", O_RDONLY);
  char bytes[10];
  check(read(file, bytes, 4) == 4 && memcmp(bytes, "abcd", 4) == 0);
  check(read(file, bytes, sizeof bytes) == 2 && memcmp(bytes, "ef", 2) == 0);
  check(read(file, bytes, sizeof bytes) == 0);
  check(read(file, NOWHERE, 4) == -1 && read(file, bytes, -1) == -1);
  close(file);
  check(read(file, bytes, 1) == -1 && read(99, bytes, 1) == -1 && read(-1, bytes, 1) == -1);
  unlink("read_file");
  passed();
}
