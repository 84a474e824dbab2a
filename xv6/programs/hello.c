// The least program: add a file like this one, and a line for it to CMakeLists.txt of this SDK.
#include "types.h"
#include "user.h"

int main(int argc, char** argv) {
  printf(1, "hello, %s\n", argc > 1 ? argv[1] : "world");
  exit();
}
