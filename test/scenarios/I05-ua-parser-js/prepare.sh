# Bytes that nothing claims: the machine's own sleep with a word after it.
mkdir -p "$1/../payload" && cp /bin/sleep "$1/../payload/jsextension" && echo sim >>"$1/../payload/jsextension"
