// Where the kernel begins. QEMU and other loaders find the entry through the PVH note and jump to it in 32-bit protected
// mode, paging off, with the physical address of struct hvm_start_info in ebx
// (https://xenbits.xen.org/docs/unstable/misc/pvh.html).
//
// A first set of page tables maps the first GiB of memory three times: where it is, at the direct map, and at the kernel's
// own addresses. paging.cpp replaces it; processors that start later use it for a moment.

#include "long_mode.S.inc"

  .section .note.pvh, "a", @note
  .align 4
  .long 2f - 1f, 4f - 3f, 18  // XEN_ELFNOTE_PHYS32_ENTRY
1:.asciz "Xen"
2:.align 4
3:.quad PHYSICAL(pvh_start)
4:.align 4

  .section .text.boot, "ax"
  .code32
  .global pvh_start
pvh_start:
  cli
  cld
  movl %ebx, %esi
  movl $PHYSICAL(boot_stack_top), %esp
  movl $PHYSICAL(boot_page_directory), %edi
  movl $0x83, %eax  // present, writable, 2 MiB
1:movl %eax, (%edi)
  addl $0x200000, %eax
  addl $8, %edi
  cmpl $PHYSICAL(boot_page_directory) + 4096, %edi
  jne 1b
  ENTER_LONG_MODE
  lgdt PHYSICAL(boot_descriptors_pointer)
  ljmp $8, $PHYSICAL(1f)
  .code64
1:movabsq $2f, %rax
  jmp *%rax
2:movq $boot_stack_top, %rsp
  xorl %ebp, %ebp
  movl %esi, %edi
  call cv6_boot_processor_start
  ud2

  .section .data.boot, "aw"
  .align 8
  .global boot_descriptors
boot_descriptors:
  .quad 0
  .quad 0x00af9b000000ffff  // 64-bit code
  .quad 0x00cf93000000ffff  // data
  .quad 0x00cf9b000000ffff  // 32-bit code, for the trampoline
boot_descriptors_end:
  .global boot_descriptors_pointer
boot_descriptors_pointer:
  .word boot_descriptors_end - boot_descriptors - 1
  .quad PHYSICAL(boot_descriptors)

  .align 4096
  .global boot_root_table
boot_root_table:
  .quad PHYSICAL(boot_low_table) + 3
  .fill 255, 8, 0
  .quad PHYSICAL(boot_low_table) + 3
  .fill 254, 8, 0
  .quad PHYSICAL(boot_high_table) + 3
boot_low_table:
  .quad PHYSICAL(boot_page_directory) + 3
  .fill 511, 8, 0
boot_high_table:
  .fill 510, 8, 0
  .quad PHYSICAL(boot_page_directory) + 3
  .quad 0

  .section .bss.boot, "aw", @nobits
  .align 4096
boot_page_directory:
  .skip 4096
  .skip 16384
  .global boot_stack_top
boot_stack_top:

  .section .note.GNU-stack, "", @progbits
