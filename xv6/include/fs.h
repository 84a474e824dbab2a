// What programs see of the file system: a directory reads as an array of these.
#pragma once

#define BSIZE 512
#define NDIRECT 12
#define NINDIRECT (BSIZE / sizeof(uint))
#define MAXFILE (NDIRECT + NINDIRECT)  // blocks of a file, at most
#define DIRSIZ 14

struct dirent {
  ushort inum;  // 0: no entry
  char name[DIRSIZ];
};
