# Run as the first process of a virtual machine by test/attacks/machine.ts, with TIER and WHOLE set before it.
# Lines: "attack NAME MODE RAN FROM TO", and "record NUMBER JSON" for what the sensor told between those numbers.
root=/root group=/sys/fs/cgroup/attacks
mkdir -p $root $group /run/sensor
mount -o loop,noatime -t ext4 /image $root
if [ -x /bin/mkfs.xfs ]; then truncate -s 320M /second && mkfs.xfs -q /second >&2; else truncate -s 32M /second && mke2fs -F /second > /dev/null 2>&1; fi
losetup /dev/loop1 /second
rm -f $root/dev/*
for name in null zero urandom fuse; do cp -a /dev/$name $root/dev/$name; chmod 666 $root/dev/$name; done
cp -a /dev/loop0 $root/dev/disk; cp -a /dev/loop1 $root/dev/second
ln -s /proc/self/fd $root/dev/fd; ln -s /proc/self/fd/0 $root/dev/stdin

settle() { sleep 1.5; }

attack() { # NAME MODE USER FOLDER TOKEN WHOLE
  from=$(wc -l < /run/records)
  : > /proof
  env -i PATH=/attacks:/bin:/usr/bin:/sbin HOME=/tmp P=$4 T=$5 R=$root \
    /bin/enter --root $root --cgroup $group --seconds 60 $6 --user $3 -- /bin/dash -c "$(cat /runs/$1)" 9>>/proof < /dev/null > /run/said 2>&1
  status=$?
  ran=no; grep -q $5 /proof && ran=yes
  [ $ran$2 = noblock ] || settle
  echo "attack $1 $2 $ran $from $(wc -l < /run/records) $status $(tail -n 1 /run/said | tr -d '\n' | cut -c 1-160)"
  rm -f /proof $root/etc/ld.so.preload $root/etc/nsswitch.conf
}

# One sensor for both modes: an emulated processor does not stand it that tracepoints come and go for hours.
mkdir /run/state; mkfifo /run/orders
interpreters=$(for path in dash bash busybox mawk python3.11 perl; do [ -e $root/usr/bin/$path ] && echo "--interpreter $root/usr/bin/$path"; done)
scope="--scope $root --scope-cgroup $group"
if [ $WHOLE = yes ]; then
  # What the kernel starts by itself is in no group of ours, so nothing is out of scope, and the machine's own programs are allowed. This
  # script writes and reads files all the while: what interpreters open is not judged then.
  scope= interpreters=
  find / -xdev -type f -size -20000k ! -path '/proc/*' ! -path '/sys/*' -exec sha256sum {} + >> /allowed 2> /dev/null
fi
provost-sensor --socket /run/sensor/socket --state /run/state --tier $TIER $scope 2> /run/sensor.log &
for i in $(seq 300); do grep -q ready /run/sensor.log && break; sleep 0.1; done
cat /run/sensor.log >&2
sensor-client --socket /run/sensor/socket --mode record --allow /allowed --libraries --scripts --syscalls --events --files \
  --deadline 10000 --deny 200 --outcome unseen=known $interpreters < /run/orders > /run/records &
exec 3> /run/orders
for mode in record block; do
  echo "mode $mode" >&3
  sleep 3
  while read -r name user folder record block whole; do
    [ $mode = record ] && token=$record || token=$block
    attack "$name" $mode "$user" "$folder-$mode" "$token" $whole < /dev/null
  done < /list
done
awk '!/"type":"(fork|exit|status)"/ { print "record " NR " " $0 }' /run/records
