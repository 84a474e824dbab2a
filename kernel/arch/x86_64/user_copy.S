// Copies between the kernel and user space. Whoever calls has checked that the addresses are the user's. A fault in a
// marked instruction that cannot be resolved goes on at its fixup (traps.cpp looks into .exception_table).

#include "offsets.h"

.macro STAC
9:.byte 0x0f, 0x1f, 0x00
  .pushsection .smap_sites, "a"
  .long 9b - KERNEL_OFFSET, 0xcb
  .popsection
.endm
.macro CLAC
9:.byte 0x0f, 0x1f, 0x00
  .pushsection .smap_sites, "a"
  .long 9b - KERNEL_OFFSET, 0xca
  .popsection
.endm
.macro FIXUP at, go_on
  .pushsection .exception_table, "a"
  .long \at - KERNEL_OFFSET, \go_on - KERNEL_OFFSET
  .popsection
.endm
// For what must not be begun again after the page has been fetched.
.macro FIXUP_NOW at, go_on
  .pushsection .exception_table, "a"
  .long \at - KERNEL_OFFSET, \go_on - KERNEL_OFFSET + FIXUP_AT_ONCE
  .popsection
.endm

  .text

// size_t cv6_copy_user(void* to, const void* from, size_t size): the number of bytes not copied.
  .global cv6_copy_user
  .type cv6_copy_user, @function
cv6_copy_user:
  STAC
  movq %rdx, %rcx
  shrq $3, %rcx
1:rep movsq
  movl %edx, %ecx
  andl $7, %ecx
2:rep movsb
  xorl %eax, %eax
  CLAC
  ret
3:andl $7, %edx  // the last words byte by byte, so that the count is exact
  leaq (%rdx, %rcx, 8), %rcx
4:rep movsb
5:movq %rcx, %rax
  CLAC
  ret
  FIXUP 1b, 3b
  FIXUP 2b, 5b
  FIXUP 4b, 5b

// size_t cv6_copy_user_words(void* to, const void* from, size_t words): the number of words not copied.
  .global cv6_copy_user_words
  .type cv6_copy_user_words, @function
cv6_copy_user_words:
  STAC
  movq %rdx, %rcx
1:rep movsq
2:movq %rcx, %rax
  CLAC
  ret
  FIXUP 1b, 2b

// size_t cv6_clear_user(void* to, size_t size): the number of bytes not cleared.
  .global cv6_clear_user
  .type cv6_clear_user, @function
cv6_clear_user:
  STAC
  xorl %eax, %eax
  movq %rsi, %rcx
  shrq $3, %rcx
1:rep stosq
  movl %esi, %ecx
  andl $7, %ecx
2:rep stosb
  CLAC
  ret
3:andl $7, %esi
  leaq (%rsi, %rcx, 8), %rcx
4:rep stosb
5:movq %rcx, %rax
  CLAC
  ret
  FIXUP 1b, 3b
  FIXUP 2b, 5b
  FIXUP 4b, 5b

// ptrdiff_t cv6_copy_user_string(char* to, const char* from, size_t limit): up to and including the NUL. The length
// without it; `limit` if there was none; -1 for a bad address. Word by word where a word does not reach into another page.
  .global cv6_copy_user_string
  .type cv6_copy_user_string, @function
cv6_copy_user_string:
  STAC
  xorl %eax, %eax
  movabsq $0x0101010101010101, %r8
  movq %r8, %r9
  shlq $7, %r9
  jmp 3f
1:movq (%rsi, %rax), %rcx
  movq %rcx, %r10
  subq %r8, %r10
  movq %rcx, %r11
  notq %r11
  andq %r11, %r10
  andq %r9, %r10  // the lowest bit set marks the first NUL
  movq %rcx, (%rdi, %rax)
  jnz 6f
  addq $8, %rax
3:leaq 8(%rax), %rcx
  cmpq %rdx, %rcx
  ja 4f
  leal (%rsi, %rax), %ecx
  andl $4095, %ecx
  cmpl $4088, %ecx
  jbe 1b
4:cmpq %rdx, %rax
  jae 5f
2:movb (%rsi, %rax), %cl
  movb %cl, (%rdi, %rax)
  testb %cl, %cl
  jz 5f
  incq %rax
  testl $7, %eax  // back to words once the page is behind us
  jz 3b
  jmp 4b
5:CLAC
  ret
6:bsfq %r10, %r10
  shrl $3, %r10d
  addq %r10, %rax
  CLAC
  ret
7:movq $-1, %rax
  CLAC
  ret
  FIXUP 1b, 7b
  FIXUP 2b, 7b

// bool cv6_load_user_word(const uint32_t* at, uint32_t* value)
  .global cv6_load_user_word
  .type cv6_load_user_word, @function
cv6_load_user_word:
  STAC
1:movl (%rdi), %ecx
  CLAC
  movl %ecx, (%rsi)
  movl $1, %eax
  ret
2:CLAC
  xorl %eax, %eax
  ret
  FIXUP 1b, 2b

// bool cv6_compare_exchange_user_word(uint32_t* at, uint32_t* expected, uint32_t desired)
  .global cv6_compare_exchange_user_word
  .type cv6_compare_exchange_user_word, @function
cv6_compare_exchange_user_word:
  movl (%rsi), %eax
  STAC
1:lock cmpxchgl %edx, (%rdi)
  CLAC
  movl %eax, (%rsi)
  movl $1, %eax
  ret
2:CLAC
  xorl %eax, %eax
  ret
  FIXUP 1b, 2b

// size_t cv6_get_user_SIZE(void* to, const void* from), cv6_put_user_SIZE(void* to, const void* from): one word; 0, or
// SIZE if it could not be copied.
.macro MOVE_USER size, move, register
  .global cv6_get_user_\size
  .type cv6_get_user_\size, @function
cv6_get_user_\size:
  STAC
1:\move (%rsi), \register
  CLAC
  \move \register, (%rdi)
  xorl %eax, %eax
  ret
2:CLAC
  movl $\size, %eax
  ret
  FIXUP 1b, 2b
  .global cv6_put_user_\size
  .type cv6_put_user_\size, @function
cv6_put_user_\size:
  \move (%rsi), \register
  STAC
3:\move \register, (%rdi)
  CLAC
  xorl %eax, %eax
  ret
4:CLAC
  movl $\size, %eax
  ret
  FIXUP 3b, 4b
.endm
  MOVE_USER 1, movb, %cl
  MOVE_USER 2, movw, %cx
  MOVE_USER 4, movl, %ecx
  MOVE_USER 8, movq, %rcx

// size_t cv6_put_user_shorts(void* to, const void* from, size_t end, size_t step): two bytes at 0, step, 2 * step ... below
// `end`; how far from the end it stopped.
  .global cv6_put_user_shorts
  .type cv6_put_user_shorts, @function
cv6_put_user_shorts:
  STAC
  xorl %eax, %eax
  jmp 2f
1:movw (%rsi, %rax), %r8w
3:movw %r8w, (%rdi, %rax)
  addq %rcx, %rax
2:cmpq %rdx, %rax
  jb 1b
4:CLAC
  subq %rax, %rdx
  movq %rdx, %rax
  ret
  FIXUP 3b, 4b

// bool cv6_save_fpu_to_user_x(void* to, uint64_t components), cv6_load_fpu_from_user_x(const void* from, uint64_t
// components), and the same with FXSAVE, without components. XSAVE leaves most of an image's header as it was: it has to be
// 0. At once, because a thread that has waited for a page does not find its registers in the processor afterwards.
.macro MOVE_FPU name, instruction
  .global \name
  .type \name, @function
\name:
  STAC
  movl %esi, %eax
  xorl %edx, %edx
1:\instruction (%rdi)
  CLAC
  movl $1, %eax
  ret
2:CLAC
  xorl %eax, %eax
  ret
  FIXUP_NOW 1b, 2b
.endm
  MOVE_FPU cv6_save_fpu_to_user_xsave, xsave64
  MOVE_FPU cv6_save_fpu_to_user_fxsave, fxsave64
  MOVE_FPU cv6_load_fpu_from_user_xsave, xrstor64
  MOVE_FPU cv6_load_fpu_from_user_fxsave, fxrstor64

  .section .note.GNU-stack, "", @progbits
