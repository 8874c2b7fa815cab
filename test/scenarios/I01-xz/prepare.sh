# A service and the library it is linked with, as packages; 1.1 of the library has a way in.
set -e
out=$1
cat >simz.c <<'C'
#include <stdlib.h>
int simz(const char *text) { return VERSION > 10 && text[0] == '!' ? system("sh -c 'id; sleep 20'") : 0; }
C
cat >simd.c <<'C'
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
int simz(const char *text);
int main(void) {
  int on = 1, at = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(at, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(7000), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(at, (struct sockaddr *)&here, sizeof here) != 0 || listen(at, 8) != 0) return 1;
  for (;;) {
    char text[64] = {0};
    int guest = accept(at, NULL, NULL);
    if (guest < 0 || read(guest, text, sizeof text - 1) < 0) continue;
    close(guest);
    simz(text);
  }
}
C
library=usr/lib/x86_64-linux-gnu
package() { # NAME VERSION FOLDER
  mkdir -p "$3/DEBIAN"
  printf 'Package: %s\nVersion: %s\nArchitecture: amd64\nMaintainer: nobody <nobody@example.invalid>\nDescription: made for a test\n' "$1" "$2" >"$3/DEBIAN/control"
  dpkg-deb --root-owner-group -Zgzip -b "$3" "$out/$1_$2.deb" >/dev/null
}
for version in 10 11; do
  mkdir -p lib$version/$library
  gcc -shared -fPIC -DVERSION=$version -Wl,-soname,libsimz.so.1 -o lib$version/$library/libsimz.so.1 simz.c
  package libsimz 1.${version#1} lib$version
done
mkdir -p daemon/usr/sbin
gcc -o daemon/usr/sbin/simd simd.c -Llib10/$library -l:libsimz.so.1
package simd 1.0 daemon
