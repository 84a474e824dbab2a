// Names, types (1 directory, 2 file, 3 device), inode numbers and sizes.
#include "types.h"
#include "stat.h"
#include "user.h"
#include "fcntl.h"
#include "fs.h"

namespace {

constexpr uint longest_path = 512;

// The last part of a path, with spaces up to a name's length.
void print(const char* path, const struct stat& status) {
  const char* name = path;
  for (const char* at = path; *at; ++at)
    if (*at == '/' && at[1]) name = at + 1;
  char column[DIRSIZ + 1];
  memset(column, ' ', DIRSIZ);
  column[DIRSIZ] = '\0';
  const uint length = strlen(name);
  if (length < DIRSIZ) memmove(column, name, static_cast<int>(length));
  printf(1, "%s %d %d %d\n", length < DIRSIZ ? column : name, status.type, status.ino, status.size);
}

void list_directory(int fd, const char* path) {
  char inner[longest_path];
  const uint length = strlen(path);
  if (length + 1 + DIRSIZ + 1 > sizeof inner) {
    printf(2, "ls: path too long\n");
    return;
  }
  strcpy(inner, path);
  inner[length] = '/';
  struct dirent entry;
  while (read(fd, &entry, sizeof entry) == sizeof entry) {
    if (entry.inum == 0) continue;
    memmove(inner + length + 1, entry.name, DIRSIZ);
    inner[length + 1 + DIRSIZ] = '\0';
    struct stat status;
    if (stat(inner, &status) < 0)
      printf(2, "ls: cannot stat %s\n", inner);
    else
      print(inner, status);
  }
}

void list(const char* path) {
  const int fd = open(path, O_RDONLY);
  if (fd < 0) {
    printf(2, "ls: cannot open %s\n", path);
    return;
  }
  struct stat status;
  if (fstat(fd, &status) < 0)
    printf(2, "ls: cannot stat %s\n", path);
  else if (status.type == T_DIR)
    list_directory(fd, path);
  else
    print(path, status);
  close(fd);
}

}  // namespace

int main(int count, char** arguments) {
  if (count <= 1) list(".");
  for (int i = 1; i < count; ++i) list(arguments[i]);
  exit();
}
