VERSION=1.0.0 DEPENDENCIES=
. /lab/files/script.sh
