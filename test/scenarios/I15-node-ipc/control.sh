. /lab/files/lib/common.sh
mkdir -p /root/project && cd /root/project
for number in $(seq 100); do echo "version 1 of $number" >$number.txt; done
tar cf /srv/new.tar . && sleep 5 && tar xf /srv/new.tar
