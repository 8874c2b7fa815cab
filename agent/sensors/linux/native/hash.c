/* Digests and keyed hashes. libcrypto's SHA-256 is used by its plain functions: the others load providers and some megabytes with them. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include "gate.h"

int hash_file(int fd, uint8_t digest[32], uint64_t *bytes) {
  static _Thread_local uint8_t piece[64 << 10];
  SHA256_CTX context;
  if (SHA256_Init(&context) != 1) return -EIO;
  off_t at = 0;
  for (;;) {
    ssize_t got = pread(fd, piece, sizeof piece, at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    if (got == 0) break;
    if (SHA256_Update(&context, piece, (size_t)got) != 1) return -EIO;
    at += got;
  }
  if (SHA256_Final(digest, &context) != 1) return -EIO;
  *bytes = (uint64_t)at;
  return 0;
}

void hash_bytes(const void *bytes, size_t count, uint8_t digest[32]) {
  SHA256_CTX context;
  memset(digest, 0, 32);
  if (SHA256_Init(&context) != 1 || SHA256_Update(&context, bytes, count) != 1) return;
  (void)SHA256_Final(digest, &context);
}

static uint64_t key[2];
__attribute__((constructor)) static void make_key(void) {
  if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key) {
    key[0] = now_boot();
    key[1] = boot_to_unix();
  }
}

static uint64_t turn(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }

static void mix(uint64_t v[4]) {
  v[0] += v[1]; v[1] = turn(v[1], 13) ^ v[0]; v[0] = turn(v[0], 32);
  v[2] += v[3]; v[3] = turn(v[3], 16) ^ v[2];
  v[0] += v[3]; v[3] = turn(v[3], 21) ^ v[0];
  v[2] += v[1]; v[1] = turn(v[1], 17) ^ v[2]; v[2] = turn(v[2], 32);
}

uint64_t hash_key(const void *bytes, size_t count) {
  uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
  const uint8_t *at = bytes;
  uint64_t last = (uint64_t)count << 56;
  for (size_t left = count; left >= 8; left -= 8, at += 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    v[3] ^= word; mix(v); mix(v); v[0] ^= word;
  }
  for (size_t i = 0; i < count % 8; i++) last |= (uint64_t)at[i] << (8 * i);
  v[3] ^= last; mix(v); mix(v); v[0] ^= last;
  v[2] ^= 0xff;
  for (int i = 0; i < 4; i++) mix(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}
