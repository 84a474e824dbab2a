#include "container.c"

extern "C" {

void* container_malloc(uint size) {
  void* memory = malloc(size);
  if (memory) memory_gva(static_cast<int>(size), reinterpret_cast<int>(memory));
  return memory;
}

void container_ls(void) {
  const int fd = open(".", O_RDONLY);
  if (fd < 0) return;
  struct dirent entry;
  while (read(fd, &entry, sizeof entry) == sizeof entry) {
    if (entry.inum == 0) continue;
    char name[DIRSIZ + 1] = {};
    memmove(name, entry.name, DIRSIZ);
    printf(1, "%s\n", name);
  }
  close(fd);
}

void container_cat(const char* name) {
  const int fd = open(name, O_RDONLY);
  if (fd < 0) return printf(1, "cat: cannot open %s\n", name);
  char part[512];
  for (int size; (size = read(fd, part, sizeof part)) > 0;) write(1, part, size);
  close(fd);
}

int container_create(const char* name) { return open(name, O_CREATE | O_RDWR); }

// There is no seek: what is read is passed over, so who writes reads as well.
int container_open_as(const char* name, int mode) {
  if (!(mode & (O_WRONLY | O_RDWR))) return open(name, mode);
  const int fd = open(name, (mode & ~O_WRONLY) | O_RDWR);
  char part[512];
  while (fd >= 0 && read(fd, part, sizeof part) > 0) {
  }
  return fd;
}

int container_write(int fd, const char* text) {
  const int length = static_cast<int>(strlen(text));
  return write(fd, text, length) == length ? length : -1;
}

int container_close(int fd) { return close(fd); }

}  // extern "C"
