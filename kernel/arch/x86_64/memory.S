// memcpy and its family. Eight bytes at a time: whole pages cost 512 steps.

  .text

  .global memcpy
  .type memcpy, @function
memcpy:
  movq %rdi, %rax
copy_forward:
  movq %rdx, %rcx
  shrq $3, %rcx
  rep movsq
  movl %edx, %ecx
  andl $7, %ecx
  rep movsb
  ret

  .global memmove
  .type memmove, @function
memmove:
  movq %rdi, %rax
  movq %rdi, %rcx
  subq %rsi, %rcx
  cmpq %rdx, %rcx  // unsigned: the destination begins inside the source
  jae copy_forward
  std
  leaq -1(%rdi, %rdx), %rdi
  leaq -1(%rsi, %rdx), %rsi
  movl %edx, %ecx
  andl $7, %ecx
  rep movsb
  subq $7, %rdi
  subq $7, %rsi
  movq %rdx, %rcx
  shrq $3, %rcx
  rep movsq
  cld
  ret

  .global memset
  .type memset, @function
memset:
  movq %rdi, %r8
  movzbl %sil, %eax
  movabsq $0x0101010101010101, %rcx
  imulq %rcx, %rax
  movq %rdx, %rcx
  shrq $3, %rcx
  rep stosq
  movl %edx, %ecx
  andl $7, %ecx
  rep stosb
  movq %r8, %rax
  ret

  .global memcmp
  .type memcmp, @function
memcmp:
  xorl %ecx, %ecx
  jmp 2f
1:movq (%rdi, %rcx), %rax
  movq (%rsi, %rcx), %r8
  cmpq %r8, %rax
  jne 4f
  addq $8, %rcx
2:leaq 8(%rcx), %r9
  cmpq %rdx, %r9
  jbe 1b
3:cmpq %rdx, %rcx
  jae 5f
  movzbl (%rdi, %rcx), %eax
  movzbl (%rsi, %rcx), %r8d
  incq %rcx
  subl %r8d, %eax
  jz 3b
  ret
4:bswapq %rax  // the first byte that differs decides
  bswapq %r8
  cmpq %r8, %rax
  sbbl %eax, %eax
  orl $1, %eax
  ret
5:xorl %eax, %eax
  ret

  .section .note.GNU-stack, "", @progbits
