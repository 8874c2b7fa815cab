/* Says its word. Static, so that nothing else has to be verified. */
#include <unistd.h>
int main(void) { return write(1, WORD "\n", sizeof WORD) < 0; }
