// Ends while its child is still there: the child becomes init's.
#include "types.h"
#include "user.h"

int main() {
  if (fork() > 0) sleep(5);
  exit();
}
