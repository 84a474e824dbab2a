// The part of <string.h> that the kernel has (arch/x86_64/runtime); libc++ needs the other declarations to be there.
#pragma once

#include <stddef.h>

extern "C" {
void* memcpy(void* to, const void* from, size_t size);
void* memmove(void* to, const void* from, size_t size);
void* memset(void* to, int byte, size_t size);
int memcmp(const void* a, const void* b, size_t size);
void* memchr(const void* at, int byte, size_t size);
size_t strlen(const char* text);

char* strcpy(char* to, const char* from);
char* strncpy(char* to, const char* from, size_t size);
char* strcat(char* to, const char* from);
char* strncat(char* to, const char* from, size_t size);
int strcmp(const char* a, const char* b);
int strncmp(const char* a, const char* b, size_t size);
int strcoll(const char* a, const char* b);
size_t strxfrm(char* to, const char* from, size_t size);
char* strchr(const char* text, int byte);
char* strrchr(const char* text, int byte);
char* strpbrk(const char* text, const char* bytes);
char* strstr(const char* text, const char* part);
size_t strcspn(const char* text, const char* bytes);
size_t strspn(const char* text, const char* bytes);
char* strtok(char* text, const char* bytes);
char* strerror(int number);
}
