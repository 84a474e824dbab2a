// The ways into the kernel and out of it. All save the same struct UserRegisters (registers.hpp) on the kernel stack; the
// C++ that they call is in traps.cpp and, for system calls, above this layer (arch/upcalls.hpp).

#include "offsets.h"

// SMAP is there or not: boot writes CLAC/STAC over these where it is (features.cpp).
.macro PATCHED_CLAC
9:.byte 0x0f, 0x1f, 0x00
  .pushsection .smap_sites, "a"
  .long 9b - KERNEL_OFFSET, 0xca
  .popsection
.endm

.macro PUSH_FROM_RSI
  pushq %rsi
  pushq %rdx
  pushq %rcx
  pushq %rax
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
.endm

.macro POP_ALL
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rax
  popq %rcx
  popq %rdx
  popq %rsi
  popq %rdi
.endm

// After SYSCALL: to the kernel's stack, and on it the UserRegisters, as an interrupt would have pushed the first of them.
.macro PUSH_SYSCALL_FRAME code, original_rax
  swapgs
  movq %rsp, %gs:CPU_USER_STACK
  movq %gs:CPU_KERNEL_STACK, %rsp
  pushq $USER_DATA
  pushq %gs:CPU_USER_STACK
  pushq %r11
  pushq \code
  pushq %rcx
  pushq \original_rax
  pushq %rdi
  PUSH_FROM_RSI
.endm

  .text

// SYSCALL: rcx and r11 are the return address and the flags; interrupts are off, the stack is the user's.
  .global system_call_entry
  .type system_call_entry, @function
system_call_entry:
  PUSH_SYSCALL_FRAME $USER_CODE, %rax
  movq %rsp, %rdi
  call _ZN3cv64arch14on_system_callERNS0_13UserRegistersE
  // SYSRET where it gives what these registers say; IRET can give everything.
  movq REG_RCX(%rsp), %rcx
  movq REG_R11(%rsp), %r11
  cmpq %rcx, REG_RIP(%rsp)
  jne return_by_iret
  cmpq %r11, REG_FLAGS(%rsp)
  jne return_by_iret
  testl $0x10100, %r11d  // trap, resume
  jnz return_by_iret
  movq %rcx, %rax
  shrq $47, %rax  // SYSRET to a non-canonical address would fault in the kernel
  jnz return_by_iret
  cmpl $USER_CODE, REG_CS(%rsp)
  jne return_by_iret
  POP_ALL
  movq REG_RSP - REG_ORIG_RAX(%rsp), %rsp
  swapgs
  sysretq

// SYSCALL by code of 32 bits, where the processor has that (AMD's): another INT 0x80.
  .global system_call_entry_32
  .type system_call_entry_32, @function
system_call_entry_32:
  PUSH_SYSCALL_FRAME $USER_CODE32, $-1
  movl $LINUX32_TRAP_CALL, %edi
  xorl %esi, %esi
  movq %rsp, %rdx
  call cv6_trap_from_user
  jmp return_to_user

// cv6::arch::enter_user(UserRegisters&)
  .global _ZN3cv64arch10enter_userERNS0_13UserRegistersE
_ZN3cv64arch10enter_userERNS0_13UserRegistersE:
  movq %rdi, %rsp
return_by_iret:
  movq %rsp, %rdi
  call cv6_make_returnable
return_to_user:
  POP_ALL
  addq $8, %rsp
  swapgs
  iretq

// Exceptions and interrupts: one stub for each vector, 16 bytes apart, to make the stack look the same for all.
  .align 16
  .global trap_stubs
trap_stubs:
.set vector, 0
.rept 256
  .align 16
  .if vector != 8 && (vector < 10 || vector > 14) && vector != 17 && vector != 21
  pushq $0  // where others have an error code
  .endif
  pushq %rdi
  movl $vector, %edi
  .if vector == 2 || vector == 8 || vector == 18
  jmp fault_stack_entry
  .elseif vector == 0x40
  jmp trap_call_entry
  .else
  jmp trap_entry
  .endif
  .set vector, vector + 1
.endr

// INT 0x40, which only user code executes: short, because it is how programs of 32 bits make their calls.
  .type trap_call_entry, @function
trap_call_entry:
  PUSH_FROM_RSI
  cld
  PATCHED_CLAC
  movq $-1, REG_ORIG_RAX(%rsp)
  movq %rsp, %rdi
  swapgs
  call cv6_trap_call
  jmp return_to_user

  .type trap_entry, @function
trap_entry:
  PUSH_FROM_RSI
  cld
  PATCHED_CLAC
  movq REG_ORIG_RAX(%rsp), %rsi  // the error code
  movq $-1, REG_ORIG_RAX(%rsp)
  movq %rsp, %rdx
  testb $3, REG_CS(%rsp)
  jz 1f
  swapgs
  call cv6_trap_from_user
  jmp return_to_user
1:call cv6_trap_from_kernel
  POP_ALL
  addq $8, %rsp
  iretq

// Non-maskable interrupts, double faults and machine checks come at any moment, on stacks of their own; whose GS base is
// loaded is unknown, so it comes from the end of the stack's page (descriptors.cpp put it there).
  .type fault_stack_entry, @function
fault_stack_entry:
  PUSH_FROM_RSI
  cld
  PATCHED_CLAC
  movl %edi, %r12d
  movl $0xc0000101, %ecx
  rdmsr
  movl %eax, %r13d
  movl %edx, %r14d
  movq %rsp, %rbx
  orq $4095, %rbx
  movq -7(%rbx), %rax
  movq %rax, %rdx
  shrq $32, %rdx
  wrmsr
  movl %r12d, %edi
  movq REG_ORIG_RAX(%rsp), %rsi
  movq %rsp, %rdx
  call cv6_trap_on_fault_stack
  movl $0xc0000101, %ecx
  movl %r13d, %eax
  movl %r14d, %edx
  wrmsr
  POP_ALL
  addq $8, %rsp
  iretq

// cv6::arch::switch_context(KernelContext& save_here, KernelContext& load_this)
  .global _ZN3cv64arch14switch_contextERNS0_13KernelContextES2_
  .type _ZN3cv64arch14switch_contextERNS0_13KernelContextES2_, @function
_ZN3cv64arch14switch_contextERNS0_13KernelContextES2_:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq (%rsi), %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret

// Where a new context begins: prepare_context (context.cpp) left the function in rbx and its argument in r12.
  .global context_start
context_start:
  movq %r12, %rdi
  call *%rbx
  ud2

  .section .note.GNU-stack, "", @progbits
