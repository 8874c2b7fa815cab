/* A library that may be loaded, and is replaced. */
int good_answer(void) { return 42; }
