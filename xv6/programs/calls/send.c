// send: 8 bytes to a process, which gets them when it asks.
#include "check.h"

int main(void) {
  char message[MSGSIZE] = "message", got[MSGSIZE];
  int self = getpid();
  check(send(self, self, message) == 0);
  check(recv(got) == 0 && strcmp(got, "message") == 0);
  check(send(self, -1, message) == -1 && send(self, 1000000, message) == -1 && send(self, self, NOWHERE) == -1);
  int count = 0;
  while (send(self, self, message) == 0) ++count;  // the queue has an end
  check(count > 0);
  passed();
}
