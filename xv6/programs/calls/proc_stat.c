// proc_stat_container: a line for each process of the own container, with the state that its scheduler knows.
#include "check.h"

int main(void) {
  int child = sleeper();
  check(proc_stat_container() == 0);
  kill(child);
  wait();
  passed();
}
