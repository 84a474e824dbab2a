// Reading lines, and asking about files by name.
#include "types.h"
#include "stat.h"
#include "user.h"
#include "fcntl.h"

extern "C" {

int getline(int fd, char* line, int room) {
  int length = 0;
  while (length + 1 < room) {
    if (read(fd, line + length, 1) != 1) break;
    const char last = line[length++];
    if (last == '\n' || last == '\r') break;
  }
  line[length] = '\0';
  return length;
}

char* gets(char* line, int room) {
  getline(0, line, room);
  return line;
}

int stat(const char* name, struct stat* status) {
  const int fd = open(name, O_RDONLY);
  if (fd < 0) return -1;
  const int result = fstat(fd, status);
  close(fd);
  return result;
}

}  // extern "C"
