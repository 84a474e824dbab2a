// Numbers that both the assembly and the C++ of this folder need; cpu_block.hpp and entry.cpp check them.
#pragma once

#define KERNEL_OFFSET 0xffffffff80000000  // virtual minus physical address of the kernel image

#define FIXUP_AT_ONCE 0x80000000  // in .exception_table: see traps.cpp

// struct CpuBlock
#define CPU_SELF 0
#define CPU_KERNEL_STACK 8
#define CPU_USER_STACK 16
#define CPU_CURRENT_THREAD 24
#define CPU_INDEX 32

// struct UserRegisters
#define REG_R11 48
#define REG_RCX 88
#define REG_ORIG_RAX 120
#define REG_RIP 128
#define REG_CS 136
#define REG_FLAGS 144
#define REG_RSP 152

#define KERNEL_CODE 0x10
#define KERNEL_DATA 0x18
#define USER_DATA 0x2b
#define USER_CODE32 0x23
#define USER_CODE 0x33

#define LINUX32_TRAP_CALL 0x80

#define TRAMPOLINE 0x8000  // where processors start: a page below 1 MiB
