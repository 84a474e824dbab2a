#include "types.h"
#include "user.h"

int main(int count, char** arguments) {
  if (count <= 1) printf(2, "usage: kill PID...\n");
  for (int i = 1; i < count; ++i)
    if (kill(atoi(arguments[i])) < 0) printf(2, "kill: no process %s\n", arguments[i]);
  exit();
}
