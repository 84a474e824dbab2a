#include "types.h"
#include "user.h"

int main(int count, char** arguments) {
  if (count <= 1) printf(2, "usage: mkdir NAME...\n");
  for (int i = 1; i < count; ++i)
    if (mkdir(arguments[i]) < 0) printf(2, "mkdir: %s: failed\n", arguments[i]);
  exit();
}
