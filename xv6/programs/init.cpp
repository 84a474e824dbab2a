// The first process: a console for its children, a shell on it, a new one when that ends; and it waits for orphans.
#include "types.h"
#include "user.h"
#include "fcntl.h"

int main() {
  if (open("console", O_RDWR) < 0) {
    mknod("console", 1, 1);
    open("console", O_RDWR);
  }
  dup(0);
  dup(0);
  while (true) {
    printf(1, "init: starting sh\n");
    const int shell = fork();
    if (shell < 0) {
      printf(1, "init: fork failed\n");
      exit();
    }
    if (shell == 0) {
      char name[] = "sh";
      char* arguments[] = {name, nullptr};
      exec(name, arguments);
      printf(1, "init: exec sh failed\n");
      exit();
    }
    for (int ended; (ended = wait()) >= 0 && ended != shell;) printf(1, "zombie!\n");
  }
}
