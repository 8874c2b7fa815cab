# Run as the only user of a virtual machine by test/kernels/kernels.test.ts: the whole sensor on tier A, unscoped, in mode block. Lines:
# "check NAME: wanted got", compared by the test; "tamper ..." and others are records of the small agent.
sensor=/run/provost/sensor.sock
mkdir -p /run/provost /var/lib/provost /opt/guarded /tmp/work
check() { echo "check $1: $2 $3"; }
# Wanted and got are exit statuses: 1 is EPERM.
reaches() { want=$1; shift; reach "$@" 2>/dev/null; check "$*" "$want" "$?"; }

truncate -s 64M /tmp/image && mke2fs -F /tmp/image >/dev/null 2>&1 && mkdir -p /mnt/t && mount -o loop -t ext4 /tmp/image /mnt/t
cp /payload/hello /mnt/t/known; cp /payload/hello /mnt/t/unknown; echo x >> /mnt/t/unknown
cp /payload/race-target /mnt/t/target
printf '#!/bin/sh\necho ran\n' > /mnt/t/script; chmod 755 /mnt/t/script
echo content > /opt/guarded/file; mkdir /opt/guarded/below; ln -s nowhere /opt/guarded/old
find / -xdev -type f -size -20000k ! -path '/proc/*' ! -path '/sys/*' ! -path /tmp/image -exec sha256sum {} + > /tmp/allow 2>/dev/null
sha256sum /mnt/t/known /mnt/t/target >> /tmp/allow

provost-sensor --socket $sensor --state /var/lib/provost --pins /sys/fs/bpf/provost --tier A 2>/tmp/sensor.err &
sensor_pid=$!
for i in $(seq 300); do grep -q ready /tmp/sensor.err && break; sleep 0.1; done
cat /tmp/sensor.err >&2
mkfifo /tmp/orders
sensor-client --socket $sensor --mode block --libraries --allow /tmp/allow --deny 50 --deadline 20000 < /tmp/orders > /tmp/records &
agent_pid=$!
exec 3> /tmp/orders
sleep 5
head -1 /tmp/records

# The gate.
check "a verified program runs" ran "$(/mnt/t/known 2>&1)"
/mnt/t/unknown > /tmp/said 2>&1; check "an unknown program is refused" "126 nothing" "$? $(grep -q ran /tmp/said && echo ran || echo nothing)"
check "an unknown script is refused" refused "$(/mnt/t/script 2>/dev/null || echo refused)"
/lib64/ld-linux-x86-64.so.2 /mnt/t/unknown > /tmp/said 2>&1; check "nor through the dynamic linker" nothing "$(grep -q ran /tmp/said && echo ran || echo nothing)"
printf x >> /mnt/t/known; check "a program that was written to is refused" refused "$(/mnt/t/known 2>/dev/null || echo refused)"
cp /payload/hello /mnt/t/touched; /mnt/t/touched > /dev/null; : >> /mnt/t/touched; /mnt/t/touched 2>/dev/null; sleep 2
check "opened for writing and not written it is asked about again" ran "$(/mnt/t/touched)"

# An overlay: written to where the upper layer lies, behind the overlay's back.
mkdir -p /mnt/t/lower /mnt/t/upper /mnt/t/inner /mnt/over; cp /payload/hello /mnt/t/lower/program; cp /payload/hello /mnt/t/upper/copy
mount -t overlay overlay -o lowerdir=/mnt/t/lower,upperdir=/mnt/t/upper,workdir=/mnt/t/inner /mnt/over
sleep 3 # until the new file system is under the gate
check "a verified program of an overlay runs" "ran ran" "$(/mnt/over/program) $(/mnt/over/copy)"
printf x >> /mnt/t/upper/copy; check "and no longer when the file underneath was written to" refused "$(/mnt/over/copy 2>/dev/null || echo refused)"
printf x >> /mnt/over/program; check "nor when it was copied up and changed" refused "$(/mnt/over/program 2>/dev/null || echo refused)"
umount /mnt/over

# A rewrite that races the exec.
for how in write map keep hold truncate replace; do
  cp -f /payload/race-target /mnt/t/target; race /mnt/t/target ${TRIES:-40} $how
done

# Those who reach for agent and sensor.
echo "guard $agent_pid" >&3; echo "guard $sensor_pid" >&3; echo "guard /opt/guarded" >&3
sleep 1
reaches 1 signal $sensor_pid 9
reaches 1 signal $agent_pid 15
reaches 1 signal $agent_pid 19
reaches 0 signal $agent_pid 0
reaches 1 trace $agent_pid
reaches 1 write-memory $sensor_pid
reaches 13 open-memory $sensor_pid
reaches 1 write /opt/guarded/file
reaches 1 cut /opt/guarded/file
reaches 1 rights /opt/guarded/file
reaches 1 unlink /opt/guarded/file
reaches 1 rename /opt/guarded/file /opt/file
reaches 1 rename /payload/hello /opt/guarded/file
reaches 1 create /opt/guarded/below/new
reaches 1 folder /opt/guarded/new
reaches 1 remove-folder /opt/guarded/below
reaches 1 symlink /tmp /opt/guarded/new
reaches 1 link /payload/hello /opt/guarded/new
reaches 1 mount /opt/guarded
reaches 1 bind /opt/guarded/below /tmp/work
reaches 1 unmount /sys/fs/bpf
reaches 1 unlink /sys/fs/bpf/provost/link-guard_exec
reaches 1 maps -
reaches 1 links -
reaches 0 write /payload/race-target
reaches 0 mount /tmp/work
check "sensor and agent still run" "0 0" "$(kill -0 $sensor_pid; echo $?) $(kill -0 $agent_pid; echo $?)"
sleep 1
grep '"tamper"' /tmp/records
check "and the content is as it was" content "$(cat /opt/guarded/file)"

# In order, with the checks left behind: then without anybody who could answer.
echo "stop closed" >&3
wait $sensor_pid
check "the sensor ends in order" 0 $?
sleep 4
cp /payload/hello /mnt/t/late
check "what is new does not run without a sensor" refused "$(/mnt/t/late 2>/dev/null || echo refused)"
check "what ran before does" ran "$(/payload/hello)"
check "and nothing is guarded any longer" 0 "$(reach write /opt/guarded/file; echo $?)"
rm /sys/fs/bpf/provost/link-*
for i in $(seq 100); do /mnt/t/late > /dev/null 2>&1 && break; sleep 0.1; done # the kernel takes them away when it comes to it
check "without its pins the kernel refuses nothing" ran "$(/mnt/t/late)"
