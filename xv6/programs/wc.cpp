// Counts lines, words and characters.
#include "types.h"
#include "user.h"
#include "fcntl.h"

namespace {

void count(int fd, const char* name) {
  uint lines = 0, words = 0, characters = 0;
  bool inside = false;
  char part[512];
  int size;
  while ((size = read(fd, part, sizeof part)) > 0)
    for (int i = 0; i < size; ++i) {
      ++characters;
      if (part[i] == '\n') ++lines;
      const bool space = strchr(" \r\t\n\v", part[i]) != nullptr;
      if (!space && !inside) ++words;
      inside = !space;
    }
  if (size < 0) {
    printf(2, "wc: read error\n");
    exit();
  }
  printf(1, "%d %d %d %s\n", lines, words, characters, name);
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count <= 1) count(0, "");
  for (int i = 1; i < argument_count; ++i) {
    const int fd = open(arguments[i], O_RDONLY);
    if (fd < 0) {
      printf(2, "wc: cannot open %s\n", arguments[i]);
      exit();
    }
    count(fd, arguments[i]);
    close(fd);
  }
  exit();
}
