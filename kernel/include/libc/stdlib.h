// What libc++'s headers want to find in <stdlib.h>. Only abort() exists; using anything else does not link.
#pragma once

#include <stddef.h>

extern "C" {
[[noreturn]] void abort();
void* malloc(size_t size);
void* calloc(size_t count, size_t size);
void* realloc(void* at, size_t size);
void free(void* at);
int atexit(void (*function)());
[[noreturn]] void exit(int status);
[[noreturn]] void _Exit(int status);
int at_quick_exit(void (*function)());
[[noreturn]] void quick_exit(int status);
void* aligned_alloc(size_t alignment, size_t size);
char* getenv(const char* name);
int system(const char* command);
double atof(const char* text);
int atoi(const char* text);
long atol(const char* text);
long long atoll(const char* text);
double strtod(const char* text, char** end);
float strtof(const char* text, char** end);
long double strtold(const char* text, char** end);
long strtol(const char* text, char** end, int base);
long long strtoll(const char* text, char** end, int base);
unsigned long strtoul(const char* text, char** end, int base);
unsigned long long strtoull(const char* text, char** end, int base);
int rand();
void srand(unsigned seed);
int abs(int n);
long labs(long n);
long long llabs(long long n);
typedef struct { int quot, rem; } div_t;
typedef struct { long quot, rem; } ldiv_t;
typedef struct { long long quot, rem; } lldiv_t;
div_t div(int a, int b);
ldiv_t ldiv(long a, long b);
lldiv_t lldiv(long long a, long long b);
void* bsearch(const void* key, const void* base, size_t count, size_t size, int (*compare)(const void*, const void*));
void qsort(void* base, size_t count, size_t size, int (*compare)(const void*, const void*));
int mblen(const char* text, size_t size);
int mbtowc(wchar_t* to, const char* text, size_t size);
int wctomb(char* to, wchar_t from);
size_t mbstowcs(wchar_t* to, const char* text, size_t size);
size_t wcstombs(char* to, const wchar_t* from, size_t size);
}
