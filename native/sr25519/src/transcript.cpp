#include "transcript.hpp"

namespace taogate::sr25519 {
namespace {

/** The rate of STROBE-128: the 168 bytes of Keccak's, less two for padding. */
constexpr uint8_t RATE = 166;
/** What an operation does, by STROBE's names: takes bytes in, is of the application, is of the cipher, is about the framing. */
enum Flag : uint8_t { I = 1, A = 2, C = 4, M = 16 };

constexpr uint64_t ROUND_CONSTANTS[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
    0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
    0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};

inline uint64_t rotate(uint64_t value, int by) { return value << (by & 63) | value >> (-by & 63); }

/** Where rho and pi take each lane from, and by how much they rotate it. */
struct Moves {
  int from[25] = {}, by[25] = {};
};
constexpr Moves moves() {
  Moves all;
  for (int x = 1, y = 0, t = 0; t < 24; t++) {
    const int next_x = y, next_y = (2 * x + 3 * y) % 5;
    all.from[next_x + 5 * next_y] = x + 5 * y;
    all.by[next_x + 5 * next_y] = (t + 1) * (t + 2) / 2 % 64;
    x = next_x;
    y = next_y;
  }
  return all;
}

} // namespace

void keccak_f1600(uint64_t lanes[25]) {
  constexpr Moves MOVES = moves();
  uint64_t a[25], b[25], column[5];
  memcpy(a, lanes, sizeof a);
  for (const uint64_t constant : ROUND_CONSTANTS) {
#pragma GCC unroll 5
    for (int x = 0; x < 5; x++) column[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
#pragma GCC unroll 25
    for (int i = 0; i < 25; i++) {
      const int x = MOVES.from[i] % 5;
      b[i] = rotate(a[MOVES.from[i]] ^ column[(x + 4) % 5] ^ rotate(column[(x + 1) % 5], 1), MOVES.by[i]);
    }
#pragma GCC unroll 25
    for (int i = 0; i < 25; i++) a[i] = b[i] ^ (~b[i / 5 * 5 + (i + 1) % 5] & b[i / 5 * 5 + (i + 2) % 5]);
    a[0] ^= constant;
  }
  memcpy(lanes, a, sizeof a);
}

Transcript::Transcript(const char *label) : lanes{}, position(0), begin(0) {
  const uint8_t frame[6] = {1, RATE + 2, 1, 0, 1, 12 * 8};
  memcpy(state(), frame, sizeof frame);
  memcpy(state() + sizeof frame, "STROBEv1.0.2", 12);
  keccak_f1600(lanes);
  start(M | A);
  absorb("Merlin v1.0", 11);
  append("dom-sep", label, strlen(label));
}

void Transcript::append(const char *label, const void *content, size_t length) {
  announce(label, length);
  start(A);
  absorb(content, length);
}

void Transcript::challenge(const char *label, uint8_t *out, size_t length) {
  announce(label, length);
  start(I | A | C);
  squeeze(out, length);
}

void Transcript::witness(const char *label, const uint8_t secret[32], const uint8_t random[32], uint8_t out[64]) const {
  Transcript copy(*this);
  copy.announce(label, 32);
  copy.start(A | C);
  copy.overwrite(secret, 32);
  copy.start(M | A);
  copy.absorb("rng", 3);
  copy.start(A | C);
  copy.overwrite(random, 32);
  const uint32_t length = 64;
  copy.start(M | A);
  copy.absorb(&length, sizeof length);
  copy.start(I | A | C);
  copy.squeeze(out, 64);
}

void Transcript::announce(const char *label, size_t length) {
  const uint32_t framed = (uint32_t)length;
  start(M | A);
  absorb(label, strlen(label));
  absorb(&framed, sizeof framed);
}

void Transcript::start(uint8_t flags) {
  const uint8_t head[2] = {begin, flags};
  begin = (uint8_t)(position + 1);
  absorb(head, sizeof head);
  if ((flags & C) != 0 && position != 0) permute();
}

void Transcript::permute() {
  state()[position] ^= begin;
  state()[position + 1] ^= 0x04;
  state()[RATE + 1] ^= 0x80;
  keccak_f1600(lanes);
  position = 0;
  begin = 0;
}

void Transcript::absorb(const void *content, size_t length) {
  const uint8_t *bytes = static_cast<const uint8_t *>(content);
  for (size_t i = 0; i < length; i++) {
    state()[position++] ^= bytes[i];
    if (position == RATE) permute();
  }
}

void Transcript::overwrite(const uint8_t *content, size_t length) {
  for (size_t i = 0; i < length; i++) {
    state()[position++] = content[i];
    if (position == RATE) permute();
  }
}

void Transcript::squeeze(uint8_t *out, size_t length) {
  for (size_t i = 0; i < length; i++) {
    out[i] = state()[position];
    state()[position++] = 0;
    if (position == RATE) permute();
  }
}

} // namespace taogate::sr25519
