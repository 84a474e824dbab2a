// send_multi: a message that interrupts each of its receivers.
#include "check.h"

static volatile int got;

static void note(char* message) { got = (int)message; }

int main(void) {
  int ends[2], children[3];
  char byte, go[MSGSIZE] = "go";
  pipe(ends);
  for (int i = 0; i < 3; ++i)
    if ((children[i] = fork()) == 0) {
      sigset(note);
      write(ends[1], "r", 1);
      while (got == 0) continue;
      write(ends[1], "g", 1);
      exit();
    }
  for (int i = 0; i < 3; ++i) check(read(ends[0], &byte, 1) == 1 && byte == 'r');
  int with_nobody[2] = {children[0], 1000000};
  check(send_multi(getpid(), with_nobody, go, 2) == -1);  // to all or to none
  check(send_multi(getpid(), children, go, 3) == 0);
  for (int i = 0; i < 3; ++i) check(read(ends[0], &byte, 1) == 1 && byte == 'g');
  for (int i = 0; i < 3; ++i) wait();
  int self = getpid();
  check(send_multi(self, NOWHERE, go, 1) == -1 && send_multi(self, &self, NOWHERE, 1) == -1);
  check(send_multi(self, &self, go, -1) == -1);
  passed();
}
