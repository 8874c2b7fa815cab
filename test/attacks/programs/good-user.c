/* A program that may run and needs libgood.so. */
extern int good_answer(void);
int main(void) { return good_answer() == 42 ? 0 : 1; }
