// The calls and the library. docs/xv6.md says what each does; -1 is failure.
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
int print_count(void);
int toggle(void);
int add(int, int);
int ps(void);
int dps(void);

// Messages have 8 bytes. A handler gets them by value.
#define MSGSIZE 8
int send(int sender, int receiver, void* message);
int recv(void* message);
int send_multi(int sender, int* receivers, void* message, int count);
int sigset(void (*handler)(char* message));
int sigret(void);

int shutdown(void);
int start_timer(int pid);
int end_timer(int pid);
int barrier_init(int count);
int barrier(void);

int create_container(void);
int destroy_container(int id);
int join_container(int id);
int leave_container(void);
int proc_stat_container(void);
int scheduler_log_on(void);
int scheduler_log_off(void);
int cid(void);
int memory_log_on(void);
int memory_log_off(void);
int memory_gva(int size, int hva);

// The library.
int stat(const char* name, struct stat*);
char* strcpy(char* to, const char* from);
void* memmove(void* to, const void* from, int count);
char* strchr(const char*, char wanted);
int strcmp(const char*, const char*);
uint strlen(const char*);
void* memset(void* to, int byte, uint count);
void* memcpy(void* to, const void* from, uint count);
int memcmp(const void*, const void*, uint count);
int atoi(const char*);
double atof(const char*);
void* malloc(uint size);
void free(void*);
// %d %u %x %p %s %c %f %%; what one call prints is not mixed with what others print.
void printf(int fd, const char* format, ...);
void printfloat(int fd, double number);
char* gets(char* line, int room);                 // from descriptor 0, with its end; empty: there is no more
int getline(int fd, char* line, int room);        // the same, and how long it is

#ifdef __cplusplus
}
#endif
