// sigset: the function that messages of send_multi interrupt for. It gets the message by value.
#include "check.h"

static volatile int count, last;

static void note(char* message) {
  ++count;
  last = (int)message;
}

int main(void) {
  int self = getpid(), message[2] = {42, 0};
  check(send_multi(self, &self, message, 1) == 0);
  check(count == 0);  // it waits for a handler
  check(sigset(note) == 0);
  check(getpid() == self && count == 1 && last == 42);
  int child = fork();
  if (child == 0) {
    sigset((void (*)(char*))NOWHERE);  // ends the process when a message comes
    send_multi(getpid(), (int[]){getpid()}, message, 1);
    printf(1, "still here\n");
    exit();
  }
  check(wait() == child);
  passed();
}
