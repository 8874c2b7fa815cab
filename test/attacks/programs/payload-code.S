/* The payload as bare machine code that runs wherever it is put: no ELF head tells what it is. Ends its process. */
  .text
  .globl _start
_start:
  leaq token+14(%rip), %rsi
  movl $9, %edi
  movl $33, %edx
  movl $1, %eax
  syscall
  xorl %edi, %edi
  movl $60, %eax
  syscall
  .balign 8
token:
  .ascii "PROVOST-TOKEN-0123456789abcdef0123456789abcdef\n"
  .section .note.GNU-stack, "", @progbits
