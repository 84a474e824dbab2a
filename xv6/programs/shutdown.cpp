// Ends the machine, or the container that it runs in.
#include "types.h"
#include "user.h"

int main() {
  if (shutdown() < 0) printf(2, "shutdown: not allowed\n");
  exit();
}
