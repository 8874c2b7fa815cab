/* What the two files of kernel_test share. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "kernel.h"

extern struct kernel *kernel;
extern struct pv_gate last_gate;
__attribute__((format(printf, 2, 3))) void expect(bool good, const char *format, ...);
void configure(enum pv_mode mode, bool libraries, enum pv_outcome unseen, enum pv_outcome gone);
int in_child(bool grouped, int (*body)(const char *), const char *argument, char *said, size_t room);
char *at(const char *name);
void copy(const char *from, const char *to);
int allow(const char *path);
/* kernel_map_test.c: files mapped executable. */
void mappings(void);
