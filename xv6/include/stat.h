// What fstat() says of a file.
#pragma once

#define T_DIR 1   // directory
#define T_FILE 2  // file
#define T_DEV 3   // device

struct stat {
  short type;
  int dev;  // the file system
  uint ino;
  short nlink;
  uint size;  // bytes
};
