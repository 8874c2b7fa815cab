import { changed, handed, judged, started, type Attack, type Sign } from "../attack.ts";

const signs = [started, judged];
/** A shell is given the commands as an argument. */
const given = [started, handed, judged];
/** Started with the name of what it reads. */
const read: Sign = (record, { folder }) =>
  record.kind === "exec" &&
  /\/(vim|gdb|sed)$/.test(record.path) &&
  record.arguments.some((word) => word.includes(folder));
const repository = "mkdir $P/r; cd $P/r; export HOME=$P; git init -q . 2> /dev/null";
const commit = "git -c user.name=x -c user.email=x@example.org commit -q --allow-empty -m x";

/** Programs that nobody takes for an interpreter, and that start or read programs all the same. */
export const loaders: readonly Attack[] = [
  {
    name: "git-hook",
    does: "has git run a hook",
    run: `${repository}; mkdir -p .git/hooks; cp $P/evil.sh .git/hooks/pre-commit; ${commit}`,
    needs: ["git", "coreutils"],
    signs: [...signs, changed("r/.git/hooks/")],
  },
  {
    name: "git-alias",
    does: "has git run a command that its configuration names",
    run: `${repository}; git -c "alias.x=!$P/evil.sh" x`,
    needs: ["git"],
    signs,
  },
  {
    name: "git-monitor",
    does: "has git ask a program what has changed",
    run: `${repository}; git config core.fsmonitor $P/evil.sh; git status`,
    needs: ["git"],
    signs,
  },
  {
    name: "git-editor",
    does: "has git start an editor",
    run: `${repository}; GIT_EDITOR=$P/evil.sh git -c user.name=x -c user.email=x@example.org commit --allow-empty`,
    needs: ["git"],
    signs,
  },
  {
    name: "git-pager",
    does: "has git show its output on a terminal through a pager that its configuration names",
    run: `${repository}; ${commit}; mkdir $P/pts; mount -t devpts -o ptmxmode=666 none $P/pts; python3 -c 'import fcntl, os, struct, subprocess
main = os.open(os.environ["P"] + "/pts/ptmx", os.O_RDWR | os.O_NOCTTY)
fcntl.ioctl(main, 0x40045431, struct.pack("i", 0))
terminal = fcntl.ioctl(main, 0x5441, os.O_RDWR | os.O_NOCTTY)
subprocess.run(["git", "-c", "core.pager=" + os.environ["P"] + "/evil.sh", "log"], stdout=terminal, close_fds=False)'; umount $P/pts`,
    needs: ["git", "python", "coreutils"],
    signs,
  },
  {
    name: "make-shell",
    does: "has make hand its recipes to another shell",
    run: "printf 'all:\\n\\t@true ;\\n' > $P/m; make -f $P/m SHELL=$P/evil.sh",
    needs: ["make"],
    signs,
  },
  {
    name: "make-program",
    does: "has make start it",
    run: "printf 'all:\\n\\t@%s\\n' $P/evil.sh > $P/m; make -f $P/m",
    needs: ["make"],
    signs,
  },
  {
    name: "make-recipe",
    does: "writes the commands into a makefile",
    run: "printf 'all:\\n\\t@echo %s >&9 ;\\n' $T > $P/m; make -f $P/m",
    needs: ["make"],
    signs: given,
  },
  {
    name: "vim-command",
    does: "has vim start it",
    run: 'vim -u NONE -es -c "!$P/evil.sh" -c q',
    needs: ["vim"],
    signs,
  },
  {
    name: "vim-source",
    does: "has vim read its own script",
    run: `echo "call writefile(['$T'], '/dev/fd/9')" > $P/x.vim; vim -u NONE -es -c "source $P/x.vim" -c q`,
    needs: ["vim"],
    signs: [judged, read],
  },
  {
    name: "gdb-command",
    does: "has gdb start it",
    run: 'SHELL=/bin/sh gdb -nx -batch -ex "shell $P/evil.sh"',
    needs: ["gdb"],
    signs,
  },
  {
    name: "gdb-script",
    does: "has gdb read its own script",
    run: `printf 'shell echo %s >&9\\n' $T > $P/x.gdb; SHELL=/bin/sh gdb -nx -batch -x $P/x.gdb`,
    needs: ["gdb"],
    signs: given,
  },
  {
    name: "gdb-auto-load",
    does: "has gdb read the script that lies beside a good program",
    run: `printf 'shell echo %s >&9\\n' $T > $P/good-gdb.gdb; SHELL=/bin/sh gdb -nx -batch -iex "set auto-load safe-path /" -ex "file $P/good"`,
    needs: ["gdb"],
    signs: given,
  },
  {
    name: "cron-job",
    does: "has cron start it",
    run: 'mkdir $P/cron; echo "* * * * * $P/evil.sh" > $P/cron/root; timeout 64 busybox crond -f -L $P/log -c $P/cron',
    needs: ["crond", "coreutils"],
    seconds: 70,
    signs,
  },
  {
    name: "tar-compressor",
    does: "has tar compress with it",
    run: "tar -c -I $P/evil.sh -f $P/x.tar $P/evil.sh",
    needs: ["coreutils"],
    signs,
  },
  {
    name: "find-exec-shell",
    does: "has find hand it to a shell",
    run: "find $P -name evil.sh -exec dash {} ';'",
    needs: ["coreutils"],
    signs: given,
  },
  {
    name: "sed-program",
    does: "has sed start it",
    run: 'echo x | sed "1e $P/evil.sh"',
    needs: ["sed"],
    signs,
  },
  {
    name: "sed-script",
    does: "has sed read a script with commands for the shell",
    run: 'echo "1e echo $T >&9" > $P/x.sed; echo x | sed -f $P/x.sed',
    needs: ["sed"],
    signs: given,
  },
  {
    name: "perl-debugger",
    does: "has Perl load it as its debugger",
    run: "mkdir -p $P/lib/Devel; cp $P/evil.pl $P/lib/Devel/Evil.pm; perl -I$P/lib -d:Evil -e 1",
    needs: ["perl", "coreutils"],
    signs: [...given, changed("lib/Devel/")],
  },
  {
    name: "less-opener",
    does: "has less prepare a file with it",
    run: 'LESSOPEN="|$P/evil.sh %s" less $P/good.sh',
    needs: ["less"],
    signs,
  },
];
