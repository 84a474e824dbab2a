// recv: the next message, in the order in which they were sent; waits for it.
#include "check.h"

int main(void) {
  int parent = getpid();
  int child = fork();
  if (child == 0) {
    for (int i = 0; i < 100; ++i) {
      int message[2] = {i, -i};
      while (send(getpid(), parent, message) != 0) sleep(1);  // no room
    }
    exit();
  }
  for (int i = 0; i < 100; ++i) {
    int message[2];
    check(recv(message) == 0 && message[0] == i && message[1] == -i);
  }
  check(wait() == child);
  check(recv(NOWHERE) == -1);
  passed();
}
