/* The payload for the 32-bit system calls. */
  .text
  .globl _start
_start:
  movl $4, %eax
  movl $9, %ebx
  movl $token + 14, %ecx
  movl $33, %edx
  int $0x80
  movl $1, %eax
  xorl %ebx, %ebx
  int $0x80
  .data
token:
  .ascii "PROVOST-TOKEN-0123456789abcdef0123456789abcdef\n"
  .section .note.GNU-stack, "", @progbits
