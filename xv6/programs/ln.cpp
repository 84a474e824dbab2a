#include "types.h"
#include "user.h"

int main(int count, char** arguments) {
  if (count != 3)
    printf(2, "usage: ln OLD NEW\n");
  else if (link(arguments[1], arguments[2]) < 0)
    printf(2, "ln: %s %s: failed\n", arguments[1], arguments[2]);
  exit();
}
