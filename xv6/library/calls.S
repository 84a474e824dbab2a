// Stubs for the calls: the number goes into eax; the arguments are on the stack, above the return address.

.macro CALL name, number
  .globl \name
  .type \name, @function
\name:
  movl $\number, %eax
  int $0x40
  ret
.endm

  .text
  CALL fork, 1
  CALL exit, 2
  CALL wait, 3
  CALL pipe, 4
  CALL read, 5
  CALL kill, 6
  CALL exec, 7
  CALL fstat, 8
  CALL chdir, 9
  CALL dup, 10
  CALL getpid, 11
  CALL sbrk, 12
  CALL sleep, 13
  CALL uptime, 14
  CALL open, 15
  CALL write, 16
  CALL mknod, 17
  CALL unlink, 18
  CALL link, 19
  CALL mkdir, 20
  CALL close, 21
  CALL print_count, 22
  CALL toggle, 23
  CALL add, 24
  CALL ps, 25
  CALL dps, 26
  CALL send, 27
  CALL recv, 28
  CALL send_multi, 29
  CALL sigset, 30
  CALL sigret, 31
  CALL shutdown, 32
  CALL start_timer, 33
  CALL end_timer, 34
  CALL barrier_init, 35
  CALL barrier, 36
  CALL create_container, 37
  CALL destroy_container, 38
  CALL join_container, 39
  CALL leave_container, 40
  CALL proc_stat_container, 41
  CALL scheduler_log_on, 42
  CALL scheduler_log_off, 43
  CALL cid, 44
  CALL memory_log_on, 45
  CALL memory_log_off, 46
  CALL memory_gva, 47

  .section .note.GNU-stack, "", @progbits
