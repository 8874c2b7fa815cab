/** The daemon mostly waits: V8's compilers and helper threads would only hold memory. docs/performance.md has the figures. */
export const agentFlags = [
  "--lite-mode",
  "--max-semi-space-size=1",
  "--single-threaded",
  "--v8-pool-size=1",
  "--disable-sigusr1",
  "--expose-gc",
] as const;
/** glibc keeps what a busy moment freed in its arenas and caches; with these it goes back to the kernel. */
export const agentEnvironment = {
  MALLOC_ARENA_MAX: "1",
  // It reads files one after another; each thread more would hold a stack.
  UV_THREADPOOL_SIZE: "1",
  MALLOC_TRIM_THRESHOLD_: "65536",
  MALLOC_MMAP_THRESHOLD_: "4096",
  GLIBC_TUNABLES: "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0:glibc.malloc.top_pad=0",
} as const;
