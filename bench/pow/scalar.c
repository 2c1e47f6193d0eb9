// Scalar C as one would write it with some care and no knowledge of the search: the yardstick of `npm run bench:pow`. Hashes `count` nonces whole and prints how
// many have a decisive number (little-endian) below 2^44, and the CPU time in seconds.
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
static const uint64_t RC[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
    0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
    0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};
static const int RHO[25] = {0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14};

static inline uint32_t ror(uint32_t x, int n) { return x >> n | x << (32 - n); }
static inline uint64_t rol(uint64_t x, int n) { return x << n | x >> (-n & 63); }

static void sha256(const uint8_t block[64], uint8_t out[32]) {
  uint32_t w[64], s[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint32_t start[8];
  memcpy(start, s, sizeof s);
  for (int t = 0; t < 16; t++) {
    memcpy(&w[t], block + 4 * t, 4);
    w[t] = __builtin_bswap32(w[t]);
  }
#pragma GCC unroll 48
  for (int t = 16; t < 64; t++) {
    w[t] = w[t - 16] + (ror(w[t - 15], 7) ^ ror(w[t - 15], 18) ^ w[t - 15] >> 3) + w[t - 7] + (ror(w[t - 2], 17) ^ ror(w[t - 2], 19) ^ w[t - 2] >> 10);
  }
  uint32_t a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
#pragma GCC unroll 64
  for (int t = 0; t < 64; t++) {
    const uint32_t t1 = h + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + (g ^ (e & (f ^ g))) + K[t] + w[t];
    const uint32_t t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & b) | (c & (a | b)));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  const uint32_t end[8] = {a, b, c, d, e, f, g, h};
  for (int i = 0; i < 8; i++) {
    const uint32_t word = __builtin_bswap32(start[i] + end[i]);
    memcpy(out + 4 * i, &word, 4);
  }
}

static void keccak256(const uint8_t message[32], uint8_t out[32]) {
  uint64_t a[25] = {0}, b[25], c[5], d[5];
  memcpy(a, message, 32);
  a[4] = 1;
  a[16] = 1ull << 63;
  for (int round = 0; round < 24; round++) {
#pragma GCC unroll 5
    for (int x = 0; x < 5; x++) c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
#pragma GCC unroll 5
    for (int x = 0; x < 5; x++) d[x] = c[(x + 4) % 5] ^ rol(c[(x + 1) % 5], 1);
#pragma GCC unroll 25
    for (int k = 0; k < 25; k++) b[k / 5 + 5 * ((2 * (k % 5) + 3 * (k / 5)) % 5)] = rol(a[k] ^ d[k % 5], RHO[k]);
#pragma GCC unroll 25
    for (int k = 0; k < 25; k++) a[k] = b[k] ^ (~b[k - k % 5 + (k + 1) % 5] & b[k - k % 5 + (k + 2) % 5]);
    a[0] ^= RC[round];
  }
  memcpy(out, a, 32);
}

int main(int argc, char **argv) {
  const uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
  uint8_t block[64] = {0}, digest[32], seal[32];
  for (int k = 0; k < 32; k++) block[8 + k] = (uint8_t)(3 * k + 1);
  block[40] = 0x80;
  block[62] = 1, block[63] = 64; // 320 bits
  uint64_t below = 0;
  const clock_t before = clock();
  for (uint64_t nonce = 0; nonce < count; nonce++) {
    memcpy(block, &nonce, 8);
    sha256(block, digest);
    keccak256(digest, seal);
    uint64_t number;
    memcpy(&number, seal + 24, 8);
    below += number < 1ull << 44;
  }
  printf("%" PRIu64 " %.6f\n", below, (double)(clock() - before) / CLOCKS_PER_SEC);
  return 0;
}
