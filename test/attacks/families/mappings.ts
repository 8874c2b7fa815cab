import { changed, judged, memory, reached, type Attack } from "../attack.ts";

const signs = [judged];

/** Bare machine code from files, from memory, and put into other processes. */
export const mappings: readonly Attack[] = [
  { name: "map-executable", does: "maps a file of bare code executable", run: "map executable $P/code", signs },
  {
    name: "map-mprotect",
    does: "maps it readable, makes it executable afterwards",
    run: "map protected-later $P/code",
    signs,
  },
  { name: "map-pkey-mprotect", does: "the same by pkey_mprotect", run: "map protected-by-key $P/code", signs },
  {
    name: "map-read-implies-exec",
    does: "maps it readable where readable implies executable",
    run: "map implied $P/code",
    signs,
  },
  {
    name: "map-compat",
    does: "maps it by the 32-bit system call",
    run: "map compat $P/code",
    needs: ["32-bit"],
    signs,
  },
  {
    name: "map-compat-mprotect",
    does: "makes it executable by the 32-bit system call",
    run: "map compat-protected $P/code",
    needs: ["32-bit"],
    signs,
  },
  {
    name: "map-opened-empty",
    does: "opens an empty file, fills it, maps it, all by one descriptor",
    run: "map opened-empty $P/code $P/new",
    signs: [judged, changed("new")],
  },
  {
    name: "map-memfd",
    does: "maps memory that is a file executable",
    run: "map memfd $P/code $T",
    signs: [judged, memory],
  },
  {
    name: "map-rewritten",
    does: "writes to a good file while it is mapped executable",
    run: "map while-mapped $P/good $P/code",
    signs: [judged, changed("good")],
  },
  {
    name: "map-block-device",
    does: "maps the disk itself, where the code lies",
    run: "map block-device $P/code /dev/disk",
    needs: ["loop"],
    signs,
  },
  {
    name: "map-behind-many",
    does: "makes 3,000 mappings and the code behind them executable in one call",
    run: "map behind-many $P/code",
    signs,
  },
  { name: "map-moved", does: "moves the mapping, then makes it executable", run: "map moved $P/code", signs },
  {
    name: "map-while-held",
    does: "makes it executable while another thread holds the lock of all mappings",
    run: "map while-held $P/code",
    signs: [judged],
  },
  {
    name: "userfaultfd-page",
    does: "has an executable page filled when it runs",
    run: "stall page $P/code",
    signs: [judged],
  },
  {
    name: "map-remapped-pages",
    does: "maps it readable and has the kernel map it anew where readable implies executable",
    run: "map remapped-pages $P/code",
    signs,
  },
  { name: "shared-segment", does: "runs code in System V shared memory", run: "map shared-segment $P/code", signs },
  {
    name: "anonymous-rwx",
    does: "runs code in writable and executable memory",
    run: "memory writable-executable $P/code",
    signs,
  },
  {
    name: "mprotect-after-write",
    does: "writes code to memory, makes it executable afterwards",
    run: "memory written-then-executable $P/code",
    signs,
  },
  { name: "executable-stack", does: "runs code on the stack", run: "memory stack $P/code", signs },
  {
    name: "mapped-twice",
    does: "maps the same memory writable and executable",
    run: "memory mapped-twice $P/code $T",
    signs: [judged, memory],
  },
  {
    name: "changed-copy",
    does: "changes a good file's private copy in memory",
    run: "memory changed-copy $P/good $P/code",
    signs,
  },
  {
    name: "ptrace-poketext",
    does: "writes code into another process by ptrace",
    run: "memory ptrace $P/code",
    signs: [reached],
  },
  {
    name: "process-vm-writev",
    does: "writes code into another process's executable memory",
    run: "memory write-across $P/code",
    signs: [reached],
  },
  {
    name: "proc-pid-mem",
    does: "writes code into another process by /proc/PID/mem",
    run: "memory proc-memory $P/code",
    signs: [reached],
  },
  {
    name: "proc-self-mem-relative",
    does: "the same, by a descriptor of /proc/self and the name mem",
    run: "memory own-memory-by-folder $P/code",
    signs: [reached],
  },
  {
    name: "proc-self-mem-ring",
    does: "the same by io_uring",
    run: "rewrite ring-memory $P/code",
    signs: [reached],
  },
  {
    name: "proc-self-mem",
    does: "writes code over its own by /proc/self/mem",
    run: "memory own-memory $P/code",
    signs: [reached],
  },
];
