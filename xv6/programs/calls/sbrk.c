// sbrk: more memory, or less; where it ended before.
#include "check.h"

int main(void) {
  char* end = sbrk(0);
  check(sbrk(5000) == end && sbrk(0) == end + 5000);
  memset(end, 7, 5000);
  check(sbrk(-5000) == end + 5000 && sbrk(0) == end);
  check(sbrk(4096) == end && end[0] == 0);        // what was given back does not return
  check(sbrk(0x7f000000) == (char*)-1);           // more than there is
  check(sbrk(-0x40000000) == (char*)-1);          // less than nothing
  int child = fork();
  if (child == 0) {
    sbrk(-4096);
    end[0] = 1;  // ends it
    printf(1, "still here\n");
    exit();
  }
  check(wait() == child);
  passed();
}
