// Files, memory and listings as programs for xv6 with containers use them: they include this file by this name. The work is
// in the library; a container keeps its files apart by itself (docs/files.md), so these are the plain calls, in few words.
#pragma once

#include "types.h"
#include "stat.h"
#include "user.h"
#include "fcntl.h"
#include "fs.h"

#ifdef __cplusplus
extern "C" {
#endif

// malloc(), recorded in the container's table of allocations (memory_gva).
void* container_malloc(uint size);
// The names in the working directory, one a line.
void container_ls(void);
// Prints a file.
void container_cat(const char* name);
// Makes a file, or opens the one that is there; for reading and writing. All return what open() returns.
int container_create(const char* name);
// container_open(name) or container_open(name, mode): mode as for open(), O_RDWR without one. For writing, at its end.
#define container_open(...) CONTAINER_OPEN_AS(__VA_ARGS__, O_RDWR, 0)
#define CONTAINER_OPEN_AS(name, mode, ...) container_open_as(name, mode)
int container_open_as(const char* name, int mode);
// The length of `text`, or -1.
int container_write(int fd, const char* text);
int container_close(int fd);

#ifdef __cplusplus
}
#endif
