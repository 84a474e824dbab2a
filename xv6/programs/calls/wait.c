// wait: the number of a child that has ended, each once.
#include "check.h"

int main(void) {
  check(wait() == -1);
  int first = fork();
  if (first == 0) exit();
  int second = fork();
  if (second == 0) exit();
  int one = wait(), other = wait();
  check((one == first && other == second) || (one == second && other == first));
  check(wait() == -1);
  passed();
}
