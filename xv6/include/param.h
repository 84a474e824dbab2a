// Limits that programs may rely on.
#pragma once

#define NPROC 64    // processes of a container made with --abi xv6
#define NOFILE 16   // open files of a process
#define MAXARG 32   // arguments of exec
#define KSTACKSIZE 4096
