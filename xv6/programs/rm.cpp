#include "types.h"
#include "user.h"

int main(int count, char** arguments) {
  if (count <= 1) printf(2, "usage: rm NAME...\n");
  for (int i = 1; i < count; ++i)
    if (unlink(arguments[i]) < 0) printf(2, "rm: %s: failed\n", arguments[i]);
  exit();
}
