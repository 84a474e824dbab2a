// The least program: add a file like this one, and its name to programs.txt.
#include "types.h"
#include "user.h"

int main(int argc, char** argv) {
  printf(1, "hello, %s\n", argc > 1 ? argv[1] : "world");
  exit();
}
