/*
 * The payload, small and without a library: it writes the token that lies in its own bytes. The runner puts another token into each
 * copy, so each copy is a file that nobody has verified; the copy with this token is allowed and stands for a good program.
 */
static volatile char token[] = "PROVOST-TOKEN-0123456789abcdef0123456789abcdef\n";

static long call(long number, long first, long second, long third) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second), "d"(third) : "rcx", "r11", "memory");
  return result;
}

void _start(void) {
  /* A process that the kernel starts by itself has no descriptor 9: it appends to a file. */
  if (call(1, 9, (long)(token + 14), 33) != 33) {
    long file = call(2, (long)"/proof", 02001 | 0100, 0666);
    if (file >= 0) call(1, file, (long)(token + 14), 33);
  }
  call(60, 0, 0, 0);
  __builtin_unreachable();
}
