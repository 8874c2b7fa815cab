/* What the socket asks of main.c. */
#pragma once
#include "record.h"
#include <stdbool.h>
#include <stddef.h>

/* Fills tier, parts and remembered; writes what is missing, one line each. Bytes written. */
size_t sensor_describe(struct pv_hello *hello, char *missing, size_t bytes);
void sensor_stop(bool open);
void sensor_guard(uint32_t pid, const char *path);
