// The file linux-vdso.so.1, as kernel/CMakeLists.txt has it made.
  .section .rodata.vdso, "a"
  .global cv6_vdso_image, cv6_vdso_image_end
  .balign 8
cv6_vdso_image:
  .incbin CV6_VDSO_FILE
cv6_vdso_image_end:

  .section .note.GNU-stack, "", @progbits
