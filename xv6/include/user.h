// The calls. docs/xv6.md says what each does; -1 is failure.
#pragma once

struct stat;

#ifdef __cplusplus
extern "C" {
#endif

int fork(void);
int exit(void) __attribute__((noreturn));
int wait(void);
int pipe(int*);
int write(int, const void*, int);
int read(int, void*, int);
int close(int);
int kill(int);
int exec(char*, char**);
int open(const char*, int);
int mknod(const char*, short, short);
int unlink(const char*);
int fstat(int fd, struct stat*);
int link(const char*, const char*);
int mkdir(const char*);
int chdir(const char*);
int dup(int);
int getpid(void);
char* sbrk(int);
int sleep(int);
int uptime(void);
int add(int, int);
int cid(void);

#ifdef __cplusplus
}
#endif
