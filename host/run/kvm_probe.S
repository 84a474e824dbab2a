// A guest of a few instructions that shows whether KVM works here (accelerator.hpp). QEMU starts it as it starts cv6, by
// PVH in 32-bit protected mode; it turns on paging and long mode, counts a little, and writes 21 to QEMU's exit device,
// which ends QEMU with status 43.

  .section .note.pvh, "a", @note
  .align 4
  .long 4, 8, 18          // name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY
  .asciz "Xen"
  .quad start

  .text
  .code32
  .globl start
start:
  mov $level4, %eax
  mov %eax, %cr3
  mov %cr4, %eax
  or $0x20, %eax          // PAE
  mov %eax, %cr4
  mov $0xc0000080, %ecx   // EFER
  rdmsr
  or $0x100, %eax         // LME
  wrmsr
  mov %cr0, %eax
  or $0x80000000, %eax    // PG
  mov %eax, %cr0
  lgdt descriptor
  ljmp $8, $long_mode

  .code64
long_mode:
  mov $10000, %rcx
1: dec %rcx
  jnz 1b
  mov $21, %eax
  add %rcx, %rax
  mov $0xf4, %edx
  out %eax, %dx
  hlt

  .data
  .align 8
segments:
  .quad 0, 0x00209a0000000000   // code: present, 64-bit
descriptor:
  .word descriptor - segments - 1
  .long segments

  .align 4096
level4:
  .quad level3 + 3
  .fill 511, 8, 0
level3:
  .quad 0x83              // the first GiB, one page: present, writable, large
  .fill 511, 8, 0
