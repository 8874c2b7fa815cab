/* A program of one byte: it ends with the code that stands behind the mark. 0 is the good one, 42 the tampered one. */
__asm__(".section .text\n"
        ".globl flip_mark\n"
        "flip_mark: .ascii \"FLIPMARK\"\n"
        "flip_value: .byte 0\n"
        ".balign 16\n"
        ".globl _start\n"
        "_start:\n"
#if defined(__x86_64__)
        "  mov $60, %eax\n"
        "  movzbl flip_value(%rip), %edi\n"
        "  syscall\n"
#elif defined(__aarch64__)
        "  adr x1, flip_value\n"
        "  ldrb w0, [x1]\n"
        "  mov x8, #93\n"
        "  svc #0\n"
#else
#error "say how a process ends here"
#endif
);
