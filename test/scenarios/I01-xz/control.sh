MARKER=hello
. /lab/files/script.sh
