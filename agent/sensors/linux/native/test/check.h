/* Counts what holds and what does not; each failure is one line with its place. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

extern int checks, failures;
#define CHECK(condition) \
  do { \
    checks++; \
    if (!(condition)) { \
      failures++; \
      printf("FAILED %s:%d: %s\n", __FILE__, __LINE__, #condition); \
    } \
  } while (0)
void test_tables(void);
void test_texts(void);
void test_input(void);
void test_output(void);
void test_state(const char *folder);
