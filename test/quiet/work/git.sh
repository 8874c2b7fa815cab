set -e
export GIT_AUTHOR_NAME=kim GIT_AUTHOR_EMAIL=kim@example.invalid GIT_COMMITTER_NAME=kim GIT_COMMITTER_EMAIL=kim@example.invalid
mkdir -p /root/origin && cd /root/origin && git init -q -b main .
for number in $(seq 300); do echo "one $number" >$number.txt; done
git add . && git commit -qm one
git checkout -qb other
for number in $(seq 300); do echo "two $number" >>$number.txt; done
git commit -qam two
git clone -q /root/origin /root/clone && cd /root/clone
git checkout -q main && git checkout -q other && git gc -q
git rm -q -r . && git reset -q --hard
