// What the programs of this directory share. Each is about the call that it is named for: it checks what the call does, what
// it refuses, and that bad pointers make it fail. It prints `NAME.c: ok`, or the first thing that was not so.
#pragma once

#include "types.h"
#include "stat.h"
#include "user.h"
#include "fcntl.h"

#define check(condition)                                                               \
  if (!(condition)) {                                                                  \
    printf(1, "%s:%d: not so: %s\n", __FILE_NAME__, __LINE__, #condition);             \
    exit();                                                                            \
  }

#define passed()                           \
  do {                                     \
    printf(1, "%s: ok\n", __FILE_NAME__);  \
    exit();                                \
  } while (0)

// An address at which no program has memory.
#define NOWHERE ((void*)0x80000000)

// A new container's number. Where none can be made, the program ends here.
static inline int new_container(void) {
  int id = create_container();
  if (id < 0) {
    printf(1, "no container can be made here (only on the host, or with --nesting)\n");
    exit();
  }
  return id;
}

// A child that does nothing until it is killed.
static inline int sleeper(void) {
  int child = fork();
  if (child == 0)
    for (;;) sleep(1000);
  return child;
}
