/*
 * Changes on whole file systems by fanotify. Reading the queue notes who wrote what, at once and under the lock: whoever asks reads the
 * queue to its end first, so a file that was closed before the question is known. Paths and records come later, on the files' thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include "changes.h"
#include "custody.h"
#include "writers.h"

/* What the C library's header does not know yet. */
#ifndef FAN_REPORT_TARGET_FID
#define FAN_REPORT_TARGET_FID 0x1000
#endif
#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif
#ifndef FAN_EVENT_INFO_TYPE_OLD_DFID_NAME
#define FAN_EVENT_INFO_TYPE_OLD_DFID_NAME 10
#define FAN_EVENT_INFO_TYPE_NEW_DFID_NAME 12
#endif

#define QUEUE_READ 65536
#define WAITING_CHANGES 512u /* read out and not yet told */
#define NAP_MS 4             /* between looks while there is something: what comes together is merged by the kernel */
#define TELL_MS 50           /* between looks while changes wait to be told */
#define MOST_WATCHED 8192u /* each holds an inode in the kernel's memory */
#define RECENT 64u           /* processes whose program was looked up in this batch */

struct recent {
  uint32_t pid;
  uint64_t batch, identity;
};
struct moved_from { /* before kernel 5.17 a rename comes as two events */
  int32_t pid;
  struct change change;
};

struct files {
  pthread_mutex_t lock; /* around all down to the changes */
  int group;            /* of fanotify; -1: none */
  uint64_t mask;
  struct kernel *kernel;
  struct volumes volumes;
  struct writers writers;
  struct custody custody;
  struct files_core core;
  struct recent recent[RECENT];
  uint64_t batch;
  struct change (*filling)[WAITING_CHANGES], (*emptying)[WAITING_CHANGES];
  size_t filled;
  struct moved_from moved_from;
  uint64_t overflowed, overfull;
  size_t watched_count;
  uint64_t watched[MOST_WATCHED]; /* by identity: what is named again is no second one */
  bool wanted;
  uint32_t left_out;
  int32_t self;
  bool remembered; /* the kernel's programs know also processes that have ended */
  uint8_t queue[QUEUE_READ];

  struct changes *changes; /* of the files' thread alone */
  enum pace { PACE_IDLE, PACE_TELLING, PACE_BUSY, PACE_FULL } pace;
};

static bool refused(const struct options *options, const char *name) {
  return options->fault_refuse != NULL && strstr(options->fault_refuse, name) != NULL;
}

/* Since 5.17 every event tells the file itself; before, only those about its content. */
static int open_group(const struct options *options) {
  unsigned always = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS | FAN_REPORT_DFID_NAME | FAN_REPORT_FID;
  int group = -1;
  if (!refused(options, "fan_target")) group = fanotify_init(always | FAN_REPORT_TARGET_FID, O_RDONLY | O_LARGEFILE);
  if (group < 0) group = fanotify_init(always, O_RDONLY | O_LARGEFILE);
  return group;
}

static int open_volume_of(void *context, uint64_t serial, char *place, size_t bytes);

struct files *files_open(const struct options *options, struct kernel *kernel, char *missing, size_t missing_bytes) {
  struct files *files = calloc(1, sizeof *files);
  if (files == NULL) return NULL;
  (void)pthread_mutex_init(&files->lock, NULL);
  files->kernel = kernel;
  struct pv_process self;
  struct pv_file program;
  files->self = getpid();
  files->remembered = kernel_process(kernel, (uint32_t)files->self, &self, &program);
  files->filling = calloc(1, sizeof *files->filling);
  files->emptying = calloc(1, sizeof *files->emptying);
  files->changes = changes_open(open_volume_of, files);
  files->mask = FAN_CREATE | FAN_CLOSE_WRITE | FAN_DELETE | FAN_ATTRIB | FAN_ONDIR;
  files->mask |= refused(options, "fan_rename") || refused(options, "fan_target") ? FAN_MOVED_FROM | FAN_MOVED_TO : FAN_RENAME;
  bool room = files->filling != NULL && files->emptying != NULL && files->changes != NULL;
  errno = room ? EPERM : ENOMEM;
  files->group = !room || refused(options, "fanotify") ? -1 : open_group(options);
  if (files->group < 0 && missing_bytes > 0)
    (void)snprintf(missing, missing_bytes, "file events: %s; who wrote a file is not known, changes of files are not told\n", strerror(errno));
  return files;
}

/* Anybody may have written anything meanwhile. */
static void forget_writers(struct files *files) {
  writers_forget(&files->writers, now_boot());
  custody_forget(&files->custody);
}

uint32_t files_parts(const struct files *files) { return files->group >= 0 ? PV_PART_FILES : 0; }

int files_mark(struct files *files, int folder_fd, uint32_t device) {
  if (files->group < 0) return -ENOSYS;
  char path[32];
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", folder_fd);
  (void)pthread_mutex_lock(&files->lock);
  unsigned how = FAN_MARK_ADD | FAN_MARK_FILESYSTEM;
  int failed = fanotify_mark(files->group, how, files->mask, AT_FDCWD, path) == 0 ? 0 : -errno;
  if (failed == -EINVAL && (files->mask & FAN_RENAME) != 0) {
    files->mask = (files->mask & ~(uint64_t)FAN_RENAME) | FAN_MOVED_FROM | FAN_MOVED_TO;
    failed = fanotify_mark(files->group, how, files->mask, AT_FDCWD, path) == 0 ? 0 : -errno;
  }
  const struct volume *volume = failed == 0 ? volumes_add(&files->volumes, folder_fd, device) : NULL;
  if (failed == 0 && volume == NULL) failed = -errno;
  if (volume != NULL && volume->shared) forget_writers(files);
  (void)pthread_mutex_unlock(&files->lock);
  return failed;
}

int files_watch(struct files *files, int fd) {
  if (files->group < 0) return -ENOSYS;
  struct stat is;
  if (fstat(fd, &is) != 0) return -errno;
  uint64_t mask = S_ISDIR(is.st_mode) ? FAN_OPEN | FAN_EVENT_ON_CHILD : FAN_OPEN;
  char path[32];
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  (void)pthread_mutex_lock(&files->lock);
  uint64_t identity = (uint64_t)is.st_dev << 40 ^ is.st_ino;
  size_t at = 0;
  while (at < files->watched_count && files->watched[at] != identity) at++;
  /* Marked again all the same: the number may mean another file now, whose mark went with the old one. */
  int failed = at == MOST_WATCHED ? -ENOSPC : fanotify_mark(files->group, FAN_MARK_ADD, mask, AT_FDCWD, path) == 0 ? 0 : -errno;
  if (failed == 0 && at == files->watched_count) files->watched[files->watched_count++] = identity;
  (void)pthread_mutex_unlock(&files->lock);
  return failed;
}

int files_unmark(struct files *files, uint32_t device) {
  (void)pthread_mutex_lock(&files->lock);
  volumes_remove(&files->volumes, device);
  writers_forget_device(&files->writers, device);
  custody_forget_device(&files->custody, device);
  (void)pthread_mutex_unlock(&files->lock);
  return 0;
}

void files_configure(struct files *files, const struct pv_config *config) {
  (void)pthread_mutex_lock(&files->lock);
  files->wanted = config->files != 0 && config->mode != PV_OFF;
  (void)pthread_mutex_unlock(&files->lock);
}

void files_leave_out(struct files *files, uint32_t pid) {
  (void)pthread_mutex_lock(&files->lock);
  files->left_out = pid;
  (void)pthread_mutex_unlock(&files->lock);
}

static int open_volume_of(void *context, uint64_t serial, char *place, size_t bytes) {
  struct files *files = context;
  int mount = -1;
  (void)pthread_mutex_lock(&files->lock);
  for (size_t each = 0; each < VOLUMES && mount < 0; each++) {
    const struct volume *volume = &files->volumes.all[each];
    if (volume->serial != serial || serial == 0 || volume->mount < 0 || strlen(volume->place) >= bytes) continue;
    memcpy(place, volume->place, strlen(volume->place) + 1);
    mount = fcntl(volume->mount, F_DUPFD_CLOEXEC, 3);
  }
  (void)pthread_mutex_unlock(&files->lock);
  return mount;
}

/* Where the kernel's programs do not say it: from /proc, as long as the process is there. */
static bool program_from_proc(uint32_t pid, struct pv_process *process, struct pv_file *program) {
  char path[32];
  struct stat is;
  (void)snprintf(path, sizeof path, "/proc/%u/exe", pid);
  if (!process_describe(pid, process) || stat(path, &is) != 0) return false;
  *program = (struct pv_file){
    .inode = is.st_ino, .ctime = (uint64_t)is.st_ctim.tv_sec * 1000000000u + (uint64_t)is.st_ctim.tv_nsec, .bytes = (uint64_t)is.st_size,
    .device = (uint32_t)major(is.st_dev) << 20 | (uint32_t)minor(is.st_dev), .links = (uint32_t)is.st_nlink,
  };
  return true;
}

/*
 * Who has this number now. One that has begun another program since the event is taken for what it is now: a moment's doubt that
 * verdicts by lineage carry anyway, since who may run a compiler may let it write anything.
 */
static uint64_t identify(struct files *files, int32_t pid) {
  if (pid <= 0) return 0;
  struct recent *recent = &files->recent[(uint32_t)pid % RECENT];
  if (recent->pid == (uint32_t)pid && recent->batch == files->batch) return recent->identity;
  struct pv_process process;
  struct pv_file program;
  bool known = kernel_process(files->kernel, (uint32_t)pid, &process, &program) || program_from_proc((uint32_t)pid, &process, &program);
  *recent = (struct recent){(uint32_t)pid, files->batch, known ? writers_identity(&files->writers, &process, &program) : 0};
  return recent->identity;
}

static bool read_handle(struct handle *to, const struct file_handle *from, const uint8_t *end) {
  const uint8_t *data = (const uint8_t *)(from + 1);
  if (data > end || from->handle_bytes > HANDLE_BYTES || from->handle_bytes > (size_t)(end - data)) return false;
  to->bytes = from->handle_bytes;
  to->kind = from->handle_type;
  memcpy(to->data, data, from->handle_bytes);
  return true;
}

static void read_name(char *to, size_t bytes, const struct file_handle *after, const uint8_t *end) {
  const char *name = (const char *)(after + 1) + after->handle_bytes;
  size_t length = strnlen(name, (size_t)((const char *)end - name));
  if (length >= bytes) length = bytes - 1;
  if (length == 1 && *name == '.') length = 0;
  memcpy(to, name, length);
  to[length] = 0;
}

/* Handles and names of an event; the file system they are of, or NULL. */
static struct volume *read_infos(struct files *files, const uint8_t *at, const uint8_t *end, struct change *change) {
  struct volume *volume = NULL;
  while ((size_t)(end - at) >= sizeof(struct fanotify_event_info_fid) + sizeof(struct file_handle)) {
    const struct fanotify_event_info_fid *info = (const void *)at;
    if (info->hdr.len < sizeof *info || info->hdr.len > (size_t)(end - at)) break;
    const uint8_t *info_end = at + info->hdr.len;
    const struct file_handle *handle = (const struct file_handle *)info->handle;
    uint64_t fsid;
    memcpy(&fsid, &info->fsid, sizeof fsid);
    if (volume == NULL) volume = volumes_by_fsid(&files->volumes, fsid);
    switch (info->hdr.info_type) {
      case FAN_EVENT_INFO_TYPE_FID: (void)read_handle(&change->file, handle, info_end); break;
      case FAN_EVENT_INFO_TYPE_DFID_NAME:
      case FAN_EVENT_INFO_TYPE_NEW_DFID_NAME:
        if (read_handle(&change->folder, handle, info_end)) read_name(change->name, sizeof change->name, handle, info_end);
        break;
      case FAN_EVENT_INFO_TYPE_OLD_DFID_NAME:
        if (read_handle(&change->old_folder, handle, info_end)) read_name(change->old_name, sizeof change->old_name, handle, info_end);
        break;
      case FAN_EVENT_INFO_TYPE_DFID: (void)read_handle(&change->folder, handle, info_end); break;
      default: break;
    }
    at = info_end;
  }
  return volume;
}

static void wait_for_thread(struct files *files, const struct change *change) {
  if (files->filled == WAITING_CHANGES) files->overfull++;
  else (*files->filling)[files->filled++] = *change;
}

/* Two events of one rename, one after the other by the same process. What stays alone went out of sight, or came from there. */
static void pair_rename(struct files *files, int32_t pid, uint64_t mask, struct change *change) {
  struct moved_from *from = &files->moved_from;
  if ((mask & FAN_MOVED_TO) != 0) {
    change->change |= PV_W_RENAME;
    if (from->pid == pid && from->change.volume == change->volume) {
      change->old_folder = from->change.folder;
      memcpy(change->old_name, from->change.name, sizeof change->old_name);
      from->pid = 0;
    }
    return;
  }
  if (from->pid != 0) wait_for_thread(files, &from->change);
  *from = (struct moved_from){pid, *change};
  from->change.change |= PV_W_DELETE;
}

/* Two files that have one inode number one after the other have different handles. */
static uint64_t incarnation_of(const struct handle *handle) {
  uint64_t mixed = UINT64_C(0xcbf29ce484222325);
  for (uint32_t each = 0; each < handle->bytes; each++) mixed = (mixed ^ handle->data[each]) * UINT64_C(0x100000001b3);
  return mixed;
}

static bool keeps_core(struct files *files, uint64_t number) {
  struct identity *identity = (struct identity *)writers_find(&files->writers, number);
  if (identity == NULL || files->core.keeps == NULL) return false;
  if (identity->keeper == KEEPER_UNKNOWN) identity->keeper = files->core.keeps(&identity->process, &identity->program) ? KEEPER_YES : KEEPER_NO;
  return identity->keeper == KEEPER_YES;
}

/* Who had a hand in this file, as far as the core's programs are concerned. */
static void note_custody(struct files *files, const struct volume *volume, uint64_t mask, const struct change *change, uint64_t inode) {
  uint64_t placing = FAN_RENAME | FAN_MOVED_TO, handled = FAN_CREATE | FAN_CLOSE_WRITE | placing;
  if (inode == 0 || volume->shared || (mask & handled) == 0) return;
  struct custody *custody = &files->custody;
  uint64_t incarnation = incarnation_of(&change->file);
  if (!keeps_core(files, change->identity)) {
    custody_spoiled(custody, volume->device, inode, incarnation);
    return;
  }
  if ((mask & FAN_CREATE) != 0) custody_made(custody, volume->device, inode, incarnation);
  if ((mask & FAN_CLOSE_WRITE) != 0) custody_written(custody, volume->device, inode, incarnation);
  if ((mask & placing) == 0) return;
  uint32_t place = files->core.place(volume->device, volume_inode(volume, &change->folder), change->name);
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return;
  custody_placed(custody, volume->device, inode, incarnation, place, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
  if (place != 0) files->core.placed(place);
}

static void take(struct files *files, const struct fanotify_event_metadata *event, const uint8_t *infos, const uint8_t *end) {
  if ((event->mask & FAN_Q_OVERFLOW) != 0) {
    files->overflowed++;
    forget_writers(files);
    return;
  }
  static struct change change; /* under the lock, and too large to be made anew each time */
  change.file.bytes = change.folder.bytes = change.old_folder.bytes = 0;
  change.name[0] = change.old_name[0] = 0;
  const struct volume *volume = read_infos(files, infos, end, &change);
  if (volume == NULL) return;
  bool own = event->pid == files->self;
  change.identity = identify(files, event->pid);
  change.time = now_boot();
  bool folder = (event->mask & FAN_ONDIR) != 0;
  /* Most file systems tell the inode in the handle; for the rest only what is needed is opened. */
  uint64_t wanted = FAN_CLOSE_WRITE;
  if (files->custody.orders != 0 || keeps_core(files, change.identity)) wanted |= FAN_CREATE | FAN_RENAME | FAN_MOVED_TO;
  bool handled = !folder && change.file.bytes != 0 && (event->mask & wanted) != 0;
  uint64_t inode = handled ? volume_inode(volume, &change.file) : 0;
  if ((event->mask & FAN_CLOSE_WRITE) != 0 && inode != 0 && !volume->shared) writers_put(&files->writers, volume->device, inode, change.identity, change.time);
  if (files->core.keeps != NULL) note_custody(files, volume, event->mask, &change, inode);
  if (!files->wanted || own || (files->left_out != 0 && (uint32_t)event->pid == files->left_out)) return;
  const struct identity *identity = writers_find(&files->writers, change.identity);
  change.who = identity != NULL ? identity->process : (struct pv_process){.pid = (uint32_t)event->pid};
  change.volume = volume->serial;
  change.device = volume->device;
  change.change = folder ? PV_W_FOLDER : 0;
  if ((event->mask & FAN_CREATE) != 0) change.change |= PV_W_CREATE;
  if ((event->mask & FAN_CLOSE_WRITE) != 0) change.change |= PV_W_CLOSE;
  if ((event->mask & FAN_DELETE) != 0) change.change |= PV_W_DELETE;
  if ((event->mask & FAN_ATTRIB) != 0) change.change |= PV_W_ATTRIBUTES;
  if ((event->mask & FAN_OPEN) != 0) change.change |= PV_W_OPEN;
  if ((event->mask & FAN_RENAME) != 0) change.change |= PV_W_RENAME;
  if ((event->mask & (FAN_MOVED_FROM | FAN_MOVED_TO)) != 0) pair_rename(files, event->pid, event->mask, &change);
  if ((event->mask & FAN_MOVED_FROM) == 0) wait_for_thread(files, &change);
}

/* Reads until the queue is empty, `most` events were taken, or the thread has enough to tell. How many events. */
static size_t read_queue(struct files *files, size_t most, bool spare_thread) {
  size_t taken = 0;
  files->batch++;
  while (taken < most && !(spare_thread && files->filled > WAITING_CHANGES / 2)) {
    ssize_t bytes = read(files->group, files->queue, spare_thread ? QUEUE_READ / 4 : QUEUE_READ);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) break;
    struct fanotify_event_metadata event; /* a copy: the kernel lays events at every fourth byte */
    for (const uint8_t *at = files->queue, *end = at + bytes; (size_t)(end - at) >= sizeof event; at += event.event_len) {
      memcpy(&event, at, sizeof event);
      if (event.event_len < sizeof event || event.event_len > (size_t)(end - at) || event.metadata_len > event.event_len) break;
      if (event.vers == FANOTIFY_METADATA_VERSION) take(files, &event, at + event.metadata_len, at + event.event_len);
      taken++;
    }
  }
  return taken;
}

static void tell_losses(uint64_t overflowed, uint64_t overfull) {
  /* The kernel does not say how many did not fit into its queue: at least one each time. */
  if (overflowed > 0) out_lost(PV_FILE, 3, overflowed);
  if (overfull > 0) out_lost(PV_FILE, 4, overfull);
}

int files_poll(struct files *files, int timeout_ms) {
  if (files->group < 0) return -ENOSYS;
  struct pollfd ready = {.fd = files->group, .events = POLLIN};
  /* Who wrote has to be looked up before it ends, where nobody else remembers it: then there is no nap. */
  bool nap = files->pace == PACE_BUSY && files->remembered;
  int wait = files->pace == PACE_FULL ? 0 : nap ? NAP_MS : files->pace == PACE_IDLE ? timeout_ms : TELL_MS;
  if (wait > timeout_ms && timeout_ms >= 0) wait = timeout_ms;
  if (wait != 0) (void)poll(&ready, nap ? 0 : 1, wait);
  (void)pthread_mutex_lock(&files->lock);
  size_t taken = read_queue(files, SIZE_MAX, true);
  if (taken == 0 && files->moved_from.pid != 0) {
    wait_for_thread(files, &files->moved_from.change);
    files->moved_from.pid = 0;
  }
  struct change(*full)[WAITING_CHANGES] = files->filling;
  files->filling = files->emptying;
  files->emptying = full;
  size_t filled = files->filled;
  uint64_t overflowed = files->overflowed, overfull = files->overfull;
  files->filled = 0;
  files->overflowed = files->overfull = 0;
  (void)pthread_mutex_unlock(&files->lock);

  for (size_t each = 0; each < filled; each++) changes_take(files->changes, &(*full)[each]);
  changes_flush(files->changes, now_boot(), false);
  tell_losses(overflowed, overfull);
  files->pace = filled > WAITING_CHANGES / 2 ? PACE_FULL : taken > 0 ? PACE_BUSY : changes_wait(files->changes) ? PACE_TELLING : PACE_IDLE;
  return (int)taken;
}

/* No more than is there now, or a busy machine would keep the asker for ever. The kernel counts what is queued in this size. */
static void catch_up(struct files *files) {
  int queued = 0;
  if (ioctl(files->group, FIONREAD, &queued) == 0 && queued > 0) (void)read_queue(files, (size_t)queued / FAN_EVENT_METADATA_LEN, false);
}

void files_keep_core(struct files *files, const struct files_core *core) {
  (void)pthread_mutex_lock(&files->lock);
  files->core = *core;
  (void)pthread_mutex_unlock(&files->lock);
}

void files_catch_up(struct files *files) {
  if (files->group < 0) return;
  (void)pthread_mutex_lock(&files->lock);
  catch_up(files);
  (void)pthread_mutex_unlock(&files->lock);
}

bool files_kept(struct files *files, const struct pv_file *file, uint32_t place) {
  if (files->group < 0) return false;
  (void)pthread_mutex_lock(&files->lock);
  catch_up(files);
  bool is = custody_holds(&files->custody, file, place);
  (void)pthread_mutex_unlock(&files->lock);
  return is;
}

bool files_writer(struct files *files, const struct pv_file *file, struct pv_process *writer, struct pv_file *program, uint64_t *written) {
  if (files->group < 0) return false;
  (void)pthread_mutex_lock(&files->lock);
  catch_up(files);
  const struct written *last = writers_last(&files->writers, file->device, file->inode);
  const struct identity *identity = last == NULL ? NULL : writers_find(&files->writers, last->writer);
  if (identity != NULL) {
    *writer = identity->process;
    *program = identity->program;
    *written = last->time;
  }
  (void)pthread_mutex_unlock(&files->lock);
  return identity != NULL;
}

void files_close(struct files *files) {
  if (files == NULL) return;
  if (files->group >= 0) close(files->group);
  for (size_t each = 0; each < VOLUMES; each++)
    if (files->volumes.all[each].serial != 0) volumes_remove(&files->volumes, files->volumes.all[each].device);
  changes_close(files->changes);
  free(files->filling);
  free(files->emptying);
  (void)pthread_mutex_destroy(&files->lock);
  free(files);
}
