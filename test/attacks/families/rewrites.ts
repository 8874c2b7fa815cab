import { changed, judged, started, type Attack } from "../attack.ts";

/** The good program is known by then: naming it in an exec shows nothing. Its change does, or a verdict on its new bytes. */
const signs = [changed(), judged];

const rewrite = (name: string, does: string, verb: string): Attack => ({
  name: `rewrite-${name}`,
  does,
  run: `rewrite ${verb} $P/good $P/evil.hidden`,
  signs,
});

export const rewrites: readonly Attack[] = [
  rewrite("in-place", "writes over a program that ran", "in-place"),
  rewrite("dated-back", "the same, and sets its time back", "dated-back"),
  rewrite("truncated", "empties it and fills it again", "truncated"),
  rewrite("mmap-store", "writes by a shared mapping", "map"),
  {
    name: "data-becomes-program",
    does: "stores a program through a mapping into text that was opened often",
    run: "rewrite from-data $P/data $P/evil.hidden",
    signs: [changed(), started, judged],
  },
  {
    name: "data-becomes-library",
    does: "the same with a library",
    run: "rewrite library-from-data $P/data.so $P/evil.so.hidden; LD_PRELOAD=$P/data.so cat /dev/null",
    needs: ["libc"],
    signs: [changed(), judged],
  },
  rewrite("rename", "renames another file over it", "renamed"),
  rewrite("exchange", "exchanges it with another file", "exchanged"),
  rewrite("link", "links another file in its place", "linked"),
  rewrite("symlink", "puts a symbolic link in its place", "symbolic"),
  rewrite("other-name", "writes by another name of the same file", "other-name"),
  rewrite("copy-file-range", "has the kernel copy over it", "copied"),
  rewrite("splice", "splices over it", "spliced"),
  rewrite("vmsplice", "splices memory over it", "spliced-from-memory"),
  rewrite("punch-hole", "punches a hole into it and fills that", "punched"),
  rewrite("collapse-range", "shifts its blocks", "collapsed"),
  rewrite("direct", "writes past the page cache", "direct"),
  rewrite("io-uring", "opens and writes by io_uring", "ring"),
  rewrite("held-open", "has it open for writing all the while", "held-open"),
  {
    ...rewrite("reflink", "shares another file's blocks", "shared-blocks"),
    needs: ["second-file-system", "shared-blocks"],
    run: "mount /dev/second /second && sleep 1 && mkdir /second/$T && cp $P/good /second/$T; rewrite shared-blocks /second/$T/good $P/evil.hidden",
    signs: signs,
  },
  rewrite("aio", "writes by the older asynchronous calls", "asynchronous"),
  {
    ...rewrite("backing-file", "writes to the disk image that it lies in", "backing-file"),
    run: "busybox truncate -s 8M $P/image && mke2fs -q -F $P/image && rewrite backing-file $P/good $P/evil.hidden $P/image $P",
    needs: ["disk-maker"],
  },
  rewrite("swap-boot", "swaps its blocks by way of the boot loader's place", "swapped-by-boot"),
  {
    ...rewrite("invisible", "writes by an XFS handle, which leaves the times as they were", "invisible"),
    needs: ["second-file-system", "shared-blocks"],
    run: "mount /dev/second /second && sleep 1 && mkdir /second/$T && cp $P/good /second/$T; rewrite invisible /second/$T/good $P/evil.hidden",
  },
  {
    name: "rewrite-block-device",
    does: "writes to the disk under the file system",
    run: "rewrite device $P/good $P/evil.hidden /dev/disk",
    needs: ["loop"],
    signs: [judged],
  },
  {
    name: "race-write",
    does: "writes back and forth while it is started 400 times",
    run: "swap write $P/good $P/evil.hidden 400",
    signs,
  },
  { name: "race-mmap", does: "the same by a shared mapping", run: "swap map $P/good $P/evil.hidden 400", signs },
  {
    name: "race-exchange",
    does: "exchanges two files while it is started 400 times",
    run: "swap exchange $P/good $P/evil.hidden 400",
    signs,
  },
  rewrite("inode-again", "makes another file with the same inode number", "inode-again"),
  {
    name: "rewrite-script",
    does: "writes over a script that ran",
    run: "rewrite in-place $P/good.sh $P/evil.sh.hidden",
    signs,
  },
  {
    name: "rewrite-script-exchange",
    does: "exchanges a script that ran with another",
    run: "rewrite exchanged $P/good.sh $P/evil.sh.hidden",
    signs,
  },
  {
    name: "race-script",
    does: "writes a script back and forth while a shell reads it 200 times",
    run: "swap write $P/good.sh $P/evil.sh.hidden 200 dash",
    signs,
  },
  {
    name: "script-swapped",
    does: "puts another script in a good one's place between its start and its interpreter's look",
    run: "stall script $P/good.sh $P/evil.sh.hidden",
    signs,
  },
  {
    name: "race-library",
    does: "writes a library back and forth while it is loaded 200 times",
    run: "swap write $P/good.so $P/evil.so.hidden 200 map library",
    needs: ["libc"],
    signs,
  },
];
