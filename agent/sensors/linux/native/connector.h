/* Process events from the kernel's proc connector, where its programs cannot be loaded. Filled from /proc: less exact, later. */
#pragma once
#include "parts.h"

struct connector;
/* Tells of the kinds in `kinds` (bits 1 << pv_type of PV_EXEC, PV_FORK, PV_EXIT, PV_PTRACE, PV_CREDENTIALS). NULL with a line in `missing`. */
struct connector *connector_open(const struct options *options, uint32_t kinds, char *missing, size_t missing_bytes);
int connector_fd(const struct connector *connector); /* readable: something has happened */
void connector_listen(struct connector *connector, bool wanted);
void connector_leave_out(struct connector *connector, uint32_t process);
/* Takes what is there. How many events. */
int connector_take(struct connector *connector);
void connector_close(struct connector *connector);
