// Prints the lines that a pattern matches. ^ is a line's begin, $ its end, . any character, c* any number of c.
#include "types.h"
#include "user.h"
#include "fcntl.h"

namespace {

bool matches_here(const char* pattern, const char* text);

bool matches_star(char c, const char* pattern, const char* text) {
  do
    if (matches_here(pattern, text)) return true;
  while (*text && (*text++ == c || c == '.'));
  return false;
}

bool matches_here(const char* pattern, const char* text) {
  if (!*pattern) return true;
  if (pattern[1] == '*') return matches_star(*pattern, pattern + 2, text);
  if (*pattern == '$' && !pattern[1]) return !*text;
  return *text && (*pattern == '.' || *pattern == *text) && matches_here(pattern + 1, text + 1);
}

bool matches(const char* pattern, const char* text) {
  if (*pattern == '^') return matches_here(pattern + 1, text);
  do
    if (matches_here(pattern, text)) return true;
  while (*text++);
  return false;
}

void print_if_matching(const char* pattern, char* line, bool ended) {
  if (matches(pattern, line)) printf(1, ended ? "%s\n" : "%s", line);
}

// Whole lines; one that is longer than the buffer is taken in pieces.
void search(const char* pattern, int fd) {
  char part[1024];
  int held = 0, size;
  while ((size = read(fd, part + held, static_cast<int>(sizeof part) - 1 - held)) > 0) {
    held += size;
    part[held] = '\0';
    char* line = part;
    while (char* end = strchr(line, '\n')) {
      *end = '\0';
      print_if_matching(pattern, line, true);
      line = end + 1;
    }
    held -= line - part;
    if (held == sizeof part - 1) {
      print_if_matching(pattern, line, false);
      held = 0;
    }
    memmove(part, line, held);
  }
  part[held] = '\0';
  if (held > 0) print_if_matching(pattern, part, true);
}

}  // namespace

int main(int count, char** arguments) {
  if (count <= 1) {
    printf(2, "usage: grep PATTERN [FILE]...\n");
    exit();
  }
  if (count == 2) search(arguments[1], 0);
  for (int i = 2; i < count; ++i) {
    const int fd = open(arguments[i], O_RDONLY);
    if (fd < 0) {
      printf(2, "grep: cannot open %s\n", arguments[i]);
      exit();
    }
    search(arguments[1], fd);
    close(fd);
  }
  exit();
}
