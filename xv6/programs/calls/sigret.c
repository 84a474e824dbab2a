// sigret: back from a handler to what was interrupted. Returning from the handler calls it.
#include "check.h"

static volatile int handled;

static void by_return(char* message) { handled += (int)message; }

static void by_call(char* message) {
  handled += (int)message;
  sigret();
  printf(1, "still here\n");
}

int main(void) {
  int self = getpid(), message[2] = {1, 0};
  sigset(by_return);
  check(send_multi(self, &self, message, 1) == 0 && handled == 1);
  sigset(by_call);
  check(send_multi(self, &self, message, 1) == 0 && handled == 2);
  check(sigret() == -1);  // outside a handler
  passed();
}
