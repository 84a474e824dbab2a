// libc++ needs the type; there are no multibyte conversions in the kernel.
#pragma once

typedef struct {
  int state;
} mbstate_t;
