// exec: another program in this process.
#include "check.h"

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "again") == 0 && strcmp(argv[2], "and again") == 0) passed();
  char* nothing[] = {"nothing", 0};
  check(exec("no_such_program", nothing) == -1);
  check(exec(".", nothing) == -1);
  check(exec(NOWHERE, nothing) == -1 && exec(argv[0], NOWHERE) == -1);
  char* words[] = {argv[0], "again", "and again", 0};
  exec(argv[0], words);  // does not come back
  check(0);
}
