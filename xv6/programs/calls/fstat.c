// fstat: what an open file is.
#include "check.h"

int main(void) {
  struct stat status;
  int file = open("fstat_file", O_CREATE | O_RDWR);
  write(file, "12345", 5);
  check(fstat(file, &status) == 0);
  check(status.type == T_FILE && status.size == 5 && status.nlink == 1);
  check(fstat(file, NOWHERE) == -1);
  close(file);
  check(fstat(file, &status) == -1);
  unlink("fstat_file");
  file = open(".", O_RDONLY);
  check(fstat(file, &status) == 0 && status.type == T_DIR);
  passed();
}
