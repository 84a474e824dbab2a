// Where the other processors begin: in real mode at TRAMPOLINE, to which smp.cpp copies this code. Each takes a number,
// which tells it its stack (smp.cpp made them), and goes on in C++.

#include "long_mode.S.inc"

#define HERE(symbol) ((symbol) - trampoline_begin + TRAMPOLINE)

  .section .rodata.trampoline, "a"
  .global trampoline_begin, trampoline_end
  .code16
trampoline_begin:
  cli
  cld
  xorw %ax, %ax
  movw %ax, %ds
  lgdtl HERE(first_descriptors_pointer)
  movl %cr0, %eax
  orl $1, %eax
  movl %eax, %cr0
  ljmpl $24, $HERE(1f)
  .code32
1:movw $16, %ax
  movw %ax, %ds
  movw %ax, %es
  movw %ax, %ss
  movl $PHYSICAL(processor_entry), %eax
  jmp *%eax
  .align 8
first_descriptors_pointer:
  .word 31
  .long PHYSICAL(boot_descriptors)
trampoline_end:

  .section .text.boot, "ax"
  .code32
processor_entry:
  ENTER_LONG_MODE
  ljmp $8, $PHYSICAL(1f)
  .code64
1:movabsq $2f, %rax
  jmp *%rax
2:movq kernel_root_table, %rax  // the stacks may be where only the real tables reach
  movq %rax, %cr3
  movl $1, %edi
  lock xaddl %edi, processor_tickets
  cmpl processor_limit, %edi
  jae 3f
  movq processor_stacks(, %rdi, 8), %rsp
  xorl %ebp, %ebp
  call cv6_processor_start
3:cli
  hlt
  jmp 3b

  .section .note.GNU-stack, "", @progbits
