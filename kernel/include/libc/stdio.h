// libc++ needs these names; there is no standard input and output in the kernel.
#pragma once

#include <stddef.h>

#define EOF (-1)

extern "C" int remove(const char* path);
