// Strings and memory.
#include "types.h"
#include "user.h"

extern "C" {

char* strcpy(char* to, const char* from) {
  char* at = to;
  while ((*at++ = *from++)) {
  }
  return to;
}

int strcmp(const char* a, const char* b) {
  while (*a && *a == *b) ++a, ++b;
  return static_cast<uchar>(*a) - static_cast<uchar>(*b);
}

uint strlen(const char* text) {
  uint length = 0;
  while (text[length]) ++length;
  return length;
}

char* strchr(const char* text, char wanted) {
  for (; *text; ++text)
    if (*text == wanted) return const_cast<char*>(text);
  return nullptr;
}

// By the processor's string instructions: a loop would be made into a call of these very functions.
void* memset(void* to, int byte, uint count) {
  void* at = to;
  asm volatile("rep stosb" : "+D"(at), "+c"(count) : "a"(byte) : "memory");
  return to;
}

void* memcpy(void* to, const void* from, uint count) {
  void* at = to;
  asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(count) : : "memory");
  return to;
}

void* memmove(void* to, const void* from, int count) {
  auto* target = static_cast<char*>(to);
  const auto* source = static_cast<const char*>(from);
  if (target <= source || target >= source + count) return memcpy(to, from, static_cast<uint>(count));
  while (count-- > 0) target[count] = source[count];
  return to;
}

int memcmp(const void* a, const void* b, uint count) {
  const auto *left = static_cast<const uchar*>(a), *right = static_cast<const uchar*>(b);
  for (uint i = 0; i < count; ++i)
    if (left[i] != right[i]) return left[i] - right[i];
  return 0;
}

// Digits up to the first other character; atoi also takes a sign.
int atoi(const char* text) {
  const bool negative = *text == '-';
  if (*text == '-' || *text == '+') ++text;
  uint number = 0;
  for (; *text >= '0' && *text <= '9'; ++text) number = number * 10 + static_cast<uint>(*text - '0');
  return static_cast<int>(negative ? -number : number);
}

double atof(const char* text) {
  const bool negative = *text == '-';
  if (*text == '-' || *text == '+') ++text;
  double number = 0, unit = 1;
  for (; *text >= '0' && *text <= '9'; ++text) number = number * 10 + (*text - '0');
  if (*text == '.')
    for (++text; *text >= '0' && *text <= '9'; ++text) number += (*text - '0') * (unit /= 10);
  return negative ? -number : number;
}

}  // extern "C"
