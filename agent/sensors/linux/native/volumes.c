/* The file systems that are watched. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include "volumes.h"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
/* Kinds of handles, from the kernel's exportfs.h. */
#define INODE_32 1       /* number, generation; tmpfs: generation, number low, number high */
#define INODE_64 0x81    /* xfs: number in 64 bits, generation */
#define BTRFS_OBJECT 0x4d

static uint64_t fsid_of(const struct statfs *is) {
  uint64_t fsid = 0;
  memcpy(&fsid, &is->f_fsid, sizeof fsid);
  return fsid;
}

static struct volume *by_device(struct volumes *volumes, uint32_t device) {
  for (size_t each = 0; each < VOLUMES; each++)
    if (volumes->all[each].serial != 0 && volumes->all[each].device == device) return &volumes->all[each];
  return NULL;
}

struct volume *volumes_by_fsid(struct volumes *volumes, uint64_t fsid) {
  for (size_t each = 0; each < VOLUMES; each++)
    if (volumes->all[each].serial != 0 && volumes->all[each].fsid == fsid) return &volumes->all[each];
  return NULL;
}

/* Copies of one image cannot be told apart in events. */
static void note_shared(struct volumes *volumes) {
  for (size_t each = 0; each < VOLUMES; each++) {
    struct volume *volume = &volumes->all[each];
    volume->shared = false;
    for (size_t other = 0; other < VOLUMES && volume->serial != 0; other++)
      if (other != each && volumes->all[other].serial != 0 && volumes->all[other].fsid == volume->fsid) volume->shared = true;
  }
}

static void clear(struct volume *volume) {
  if (volume->serial != 0 && volume->mount >= 0) close(volume->mount);
  free(volume->place);
  *volume = (struct volume){.mount = -1};
}

/*
 * A private copy: a descriptor of the mount itself would make unmounting it fail. It lasts until the mount is gone from the list. Not
 * possible for mounts of another namespace: their files are told by name only.
 */
static int copy_mount(int folder) {
  int tree = (int)syscall(SYS_open_tree, folder, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  int mount = tree < 0 ? -1 : openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (tree >= 0) close(tree);
  return mount;
}

struct volume *volumes_add(struct volumes *volumes, int folder, uint32_t device) {
  struct statfs is;
  if (fstatfs(folder, &is) != 0) return NULL;
  struct volume *volume = by_device(volumes, device);
  char place[PV_MAX_PATH + 1];
  uint32_t flags = 0;
  place[fd_path(folder, place, PV_MAX_PATH, &flags)] = 0;
  bool known = volume != NULL && volume->fsid == fsid_of(&is);
  if (known && strcmp(volume->place, place) == 0) return volume;
  for (size_t each = 0; each < VOLUMES && volume == NULL; each++)
    if (volumes->all[each].serial == 0) volume = &volumes->all[each];
  if (volume == NULL) {
    errno = ENOSPC;
    return NULL;
  }
  char *kept = strdup(place);
  if (kept == NULL) return NULL;
  int mount = copy_mount(folder);
  clear(volume);
  *volume = (struct volume){
    .fsid = fsid_of(&is), .serial = ++volumes->serials, .device = device, .magic = (uint32_t)is.f_type, .mount = mount, .place = kept,
  };
  note_shared(volumes);
  return volume;
}

void volumes_remove(struct volumes *volumes, uint32_t device) {
  struct volume *volume = by_device(volumes, device);
  if (volume != NULL) clear(volume);
  note_shared(volumes);
}

int handle_open(int mount, const struct handle *handle) {
  union {
    struct file_handle head;
    uint8_t room[sizeof(struct file_handle) + HANDLE_BYTES];
  } named;
  named.head.handle_bytes = handle->bytes;
  named.head.handle_type = handle->kind;
  memcpy(named.head.f_handle, handle->data, handle->bytes);
  return mount < 0 ? -1 : open_by_handle_at(mount, &named.head, O_PATH | O_CLOEXEC);
}

static uint64_t word_at(const struct handle *handle, size_t place) {
  uint32_t word;
  memcpy(&word, handle->data + 4 * place, sizeof word);
  return word;
}

static uint64_t opened_inode(int mount, const struct handle *handle) {
  struct stat is;
  int fd = handle_open(mount, handle);
  uint64_t inode = fd >= 0 && fstat(fd, &is) == 0 ? is.st_ino : 0;
  if (fd >= 0) close(fd);
  return inode;
}

uint64_t volume_inode(const struct volume *volume, const struct handle *handle) {
  if (handle->kind == INODE_32 && volume->magic == TMPFS_MAGIC && handle->bytes >= 12) return word_at(handle, 1) | word_at(handle, 2) << 32;
  bool plain = volume->magic == EXT4_SUPER_MAGIC || volume->magic == XFS_SUPER_MAGIC;
  if (handle->kind == INODE_32 && plain && handle->bytes >= 8) return word_at(handle, 0);
  bool wide = (handle->kind == INODE_64 && volume->magic == XFS_SUPER_MAGIC) || (handle->kind == BTRFS_OBJECT && volume->magic == BTRFS_SUPER_MAGIC);
  if (wide && handle->bytes >= 12) return word_at(handle, 0) | word_at(handle, 1) << 32;
  return opened_inode(volume->mount, handle);
}
