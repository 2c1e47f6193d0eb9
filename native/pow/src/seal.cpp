// The whole seal of one nonce, straight from the standards: what kernels are checked with, so it shares no code and no table with them.
#include "seal.hpp"
#include <cstring>

namespace taogate {
namespace {

/** FIPS 180-4, 4.2.2. */
const uint32_t SHA_K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

uint32_t rotate_right(uint32_t x, int n) { return x >> n | x << (32 - n); }
uint64_t rotate_left(uint64_t x, int n) { return n == 0 ? x : x << n | x >> (64 - n); }

/** SHA-256 of at most 55 bytes. */
void sha256(const uint8_t *message, size_t length, uint8_t out[32]) {
  uint8_t block[64] = {0};
  memcpy(block, message, length);
  block[length] = 0x80;
  block[62] = (uint8_t)(length * 8 >> 8);
  block[63] = (uint8_t)(length * 8);

  uint32_t w[64];
  for (int t = 0; t < 16; t++) {
    w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 | (uint32_t)block[4 * t + 2] << 8 | block[4 * t + 3];
  }
  for (int t = 16; t < 64; t++) {
    const uint32_t s0 = rotate_right(w[t - 15], 7) ^ rotate_right(w[t - 15], 18) ^ w[t - 15] >> 3;
    const uint32_t s1 = rotate_right(w[t - 2], 17) ^ rotate_right(w[t - 2], 19) ^ w[t - 2] >> 10;
    w[t] = w[t - 16] + s0 + w[t - 7] + s1;
  }

  const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint32_t s[8];
  memcpy(s, start, sizeof s);
  for (int t = 0; t < 64; t++) {
    const uint32_t sum1 = rotate_right(s[4], 6) ^ rotate_right(s[4], 11) ^ rotate_right(s[4], 25);
    const uint32_t t1 = s[7] + sum1 + ((s[4] & s[5]) ^ (~s[4] & s[6])) + SHA_K[t] + w[t];
    const uint32_t sum0 = rotate_right(s[0], 2) ^ rotate_right(s[0], 13) ^ rotate_right(s[0], 22);
    const uint32_t t2 = sum0 + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    memmove(s + 1, s, 7 * sizeof s[0]);
    s[4] += t1;
    s[0] = t1 + t2;
  }
  for (int i = 0; i < 8; i++) {
    const uint32_t word = start[i] + s[i];
    for (int k = 0; k < 4; k++) out[4 * i + k] = (uint8_t)(word >> (24 - 8 * k));
  }
}

/** FIPS 202, 3.2.5, and the offsets of 3.2.2 in the order in which pi visits lanes. */
const uint64_t KECCAK_RC[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
    0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
    0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};
const int RHO[24] = {1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44};
const int PI[24] = {10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1};

/** Keccak-256 of 32 bytes, with the padding from before SHA-3. */
void keccak256(const uint8_t message[32], uint8_t out[32]) {
  uint64_t a[25] = {0};
  for (int i = 0; i < 32; i++) a[i / 8] |= (uint64_t)message[i] << (8 * (i % 8));
  a[4] ^= 0x01;
  a[16] ^= 1ull << 63; // the last of 136 bytes

  for (int round = 0; round < 24; round++) {
    uint64_t c[5];
    for (int x = 0; x < 5; x++) c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (int k = 0; k < 25; k++) a[k] ^= c[(k + 4) % 5] ^ rotate_left(c[(k + 1) % 5], 1);
    uint64_t moving = a[1];
    for (int k = 0; k < 24; k++) {
      const uint64_t next = a[PI[k]];
      a[PI[k]] = rotate_left(moving, RHO[k]);
      moving = next;
    }
    for (int row = 0; row < 25; row += 5) {
      memcpy(c, a + row, sizeof c);
      for (int x = 0; x < 5; x++) a[row + x] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]);
    }
    a[0] ^= KECCAK_RC[round];
  }
  for (int i = 0; i < 32; i++) out[i] = (uint8_t)(a[i / 8] >> (8 * (i % 8)));
}

} // namespace

void seal(const uint8_t preimage[32], uint64_t nonce, uint8_t out[32]) {
  uint8_t message[40];
  for (int i = 0; i < 8; i++) message[i] = (uint8_t)(nonce >> (8 * i));
  memcpy(message + 8, preimage, 32);
  uint8_t digest[32];
  sha256(message, sizeof message, digest);
  keccak256(digest, out);
}

} // namespace taogate
