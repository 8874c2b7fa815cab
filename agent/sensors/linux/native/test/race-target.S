/* Ends with the byte before RACEMARK. No library, no start-up: the race is about the kernel alone. */
.globl _start
#if defined(__x86_64__)
_start:
  mov $60, %eax
  movzbl status(%rip), %edi
  syscall
#elif defined(__aarch64__)
_start:
  adr x1, status
  ldrb w0, [x1]
  mov x8, #93
  svc #0
#endif
status:
  .byte 10
  .ascii "RACEMARK"
  .section .note.GNU-stack, "", %progbits
