/* Types of the kernel for our programs, with the field names of other versions beside those of the one that it was built on. */
#pragma once
#include "vmlinux.h"
/* vmlinux.h defines the integer types that record.h asks <stdint.h> for. */
#define __CLANG_STDINT_H
#define _STDINT_H 1
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#define inlined static __always_inline

extern int LINUX_KERNEL_VERSION __kconfig;
#define VERSION(major, minor) (((major) << 16) + ((minor) << 8))

#define EPERM 1
#define ESTALE 116
#define ENOSPC 28
#define ETXTBSY 26
#define ENOENT 2
#define E2BIG 7
#define EAGAIN 11
#define EBADF 9
#define EBUSY 16
#define SIGKILL 9
#define SIGCHLD 17
#define PROT_READ 1
#define PROT_EXEC 4
#define VM_EXEC 4
#define FMODE_WRITE 2
#define S_IFMT 0170000
#define S_IFREG 0100000
#define MAGIC_OVERLAY 0x794c7630
#define MAGIC_TMPFS 0x01021994
#define READ_IMPLIES_EXEC 0x0400000
#define MAP_ANONYMOUS 0x20
