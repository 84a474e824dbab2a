// Prints files, or what it is given.
#include "types.h"
#include "user.h"
#include "fcntl.h"

namespace {

void copy(int fd) {
  char part[512];
  int size;
  while ((size = read(fd, part, sizeof part)) > 0)
    if (write(1, part, size) != size) {
      printf(2, "cat: write error\n");
      exit();
    }
  if (size < 0) printf(2, "cat: read error\n");
}

}  // namespace

int main(int count, char** arguments) {
  if (count <= 1) copy(0);
  for (int i = 1; i < count; ++i) {
    const int fd = open(arguments[i], O_RDONLY);
    if (fd < 0) {
      printf(2, "cat: cannot open %s\n", arguments[i]);
      exit();
    }
    copy(fd);
    close(fd);
  }
  exit();
}
