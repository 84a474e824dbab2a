// open: a file, by its name.
#include "check.h"

int main(void) {
  check(open("open_file", O_RDWR) == -1);
  int file = open("open_file", O_CREATE | O_WRONLY);
  check(file >= 0 && write(file, "old", 3) == 3);
  char bytes[4];
  check(read(file, bytes, 1) == -1);  // only for writing
  close(file);
  file = open("open_file", O_CREATE | O_RDWR);  // keeps what is there
  check(read(file, bytes, 4) == 3);
  close(file);
  file = open("open_file", O_RDONLY);
  check(write(file, "x", 1) == -1);
  close(file);
  check(open(".", O_RDWR) == -1 && open("no/such/place", O_CREATE | O_RDWR) == -1 && open(NOWHERE, O_RDONLY) == -1);
  while (open("open_file", O_RDONLY) >= 0) continue;  // 16 at most
  unlink("open_file");
  passed();
}
