import { changed, handed, judged, memory, started, type Attack } from "../attack.ts";

const signs = [judged];
const needs = ["libc"] as const;

export const libraries: readonly Attack[] = [
  {
    name: "ld-so",
    does: "hands it to the loader",
    run: "/lib64/ld-linux-x86-64.so.2 $P/evil-dynamic",
    needs,
    signs: [started, handed, judged],
  },
  {
    name: "ld-so-preload-option",
    does: "has the loader load it beside a good program",
    run: "/lib64/ld-linux-x86-64.so.2 --preload $P/evil.so /bin/cat /dev/null",
    needs,
    signs: [handed, judged],
  },
  { name: "dlopen", does: "has a program load it as a library", run: "map library $P/evil.so", needs, signs },
  {
    name: "dlopen-user",
    does: "the same, as an ordinary user",
    run: "map library $P/evil.so",
    user: 1000,
    needs,
    signs,
  },
  {
    name: "dlopen-memfd",
    does: "loads a library that is in memory only",
    run: "map memfd-library $P/evil.so.hidden $T",
    needs,
    signs: [judged, memory],
  },
  {
    name: "dlopen-unlinked",
    does: "loads a library whose name was removed",
    run: "map unlinked-library $P/evil.so.hidden $P/copy.so",
    needs,
    signs,
  },
  {
    name: "ld-preload",
    does: "has it loaded into a good program by LD_PRELOAD",
    run: "LD_PRELOAD=$P/evil.so cat /dev/null",
    needs,
    signs,
  },
  {
    name: "ld-audit",
    does: "has it loaded as an auditor of the loader",
    run: "LD_AUDIT=$P/evil.so cat /dev/null",
    needs,
    signs,
  },
  {
    name: "ld-library-path",
    does: "puts it before the good library",
    run: "mkdir $P/lib; reveal $P/evil.so.hidden $P/lib/libgood.so; LD_LIBRARY_PATH=$P/lib good-user",
    needs,
    signs,
  },
  {
    name: "library-replaced",
    does: "replaces a good library after it was known",
    run: "mkdir $P/lib; cp /usr/lib/libgood.so $P/lib/libgood.so; LD_LIBRARY_PATH=$P/lib good-user; reveal $P/evil.so.hidden $P/lib/libgood.so; LD_LIBRARY_PATH=$P/lib good-user",
    needs,
    signs: [judged, changed("lib/libgood.so")],
  },
  {
    name: "ld-so-preload-file",
    does: "names it in /etc/ld.so.preload",
    run: "echo $P/evil.so > /etc/ld.so.preload; cat /dev/null",
    needs,
    leaves: ["etc/ld.so.preload"],
    signs: [judged, (record) => record.kind === "file" && record.path.endsWith("/etc/ld.so.preload")],
  },
  {
    name: "gconv",
    does: "has it loaded as a character set",
    run: "mkdir $P/g; reveal $P/evil.so.hidden $P/g/EVIL.so; echo 'module EVIL// INTERNAL EVIL 1' > $P/g/gconv-modules; GCONV_PATH=$P/g iconv -f EVIL -t UTF-8 /dev/null",
    needs: ["libc", "coreutils"],
    signs,
  },
  {
    name: "nss-module",
    does: "has it loaded to look up users",
    run: "mkdir $P/lib; reveal $P/evil.so.hidden $P/lib/libnss_evil.so.2; echo 'passwd: evil' > /etc/nsswitch.conf; LD_LIBRARY_PATH=$P/lib getent passwd nobody",
    needs: ["libc", "coreutils"],
    leaves: ["etc/nsswitch.conf"],
    signs,
  },
  {
    name: "ld-so-cache",
    does: "has the loader's cache lead to it",
    run: "mkdir $P/lib; reveal $P/evil.so.hidden $P/lib/libgood.so; cp /etc/ld.so.cache $P/cache; echo $P/lib > $P/conf; ldconfig -X -f $P/conf; good-user; cat $P/cache > /etc/ld.so.cache",
    needs: ["libc", "coreutils"],
    signs,
  },
];
