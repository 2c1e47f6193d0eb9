#include "scalar.hpp"

namespace taogate::sr25519 {
namespace {

using Wide = unsigned __int128;

constexpr uint64_t ORDER[5] = {0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 0x1000000000000000, 0};
/** floor(2^512 / L) */
constexpr uint64_t RECIPROCAL[5] = {0xed9ce5a30a2c131b, 0x2106215d086329a7, 0xffffffffffffffeb, 0xffffffffffffffff, 0xf};

/** out[0..n+m) = a[0..n) * b[0..m) */
void multiply_words(const uint64_t *a, int n, const uint64_t *b, int m, uint64_t *out) {
  for (int i = 0; i < n + m; i++) out[i] = 0;
  for (int i = 0; i < n; i++) {
    uint64_t carry = 0;
    for (int j = 0; j < m; j++) {
      const Wide sum = (Wide)a[i] * b[j] + out[i + j] + carry;
      out[i + j] = (uint64_t)sum;
      carry = (uint64_t)(sum >> 64);
    }
    out[i + m] = carry;
  }
}

/** a -= b over five words. Returns what is borrowed, 0 or 1. */
uint64_t subtract_words(uint64_t a[5], const uint64_t b[5]) {
  uint64_t borrow = 0;
  for (int i = 0; i < 5; i++) {
    const Wide difference = (Wide)a[i] - b[i] - borrow;
    a[i] = (uint64_t)difference;
    borrow = (uint64_t)(difference >> 64) & 1;
  }
  return borrow;
}

/** value -= L, unless that is below zero. */
void subtract_order(uint64_t value[5]) {
  uint64_t trial[5];
  memcpy(trial, value, sizeof trial);
  const uint64_t keep = mask_of(subtract_words(trial, ORDER));
  for (int i = 0; i < 5; i++) value[i] = trial[i] ^ (keep & (trial[i] ^ value[i]));
  wipe(trial, sizeof trial);
}

/**
 * Barrett's reduction of eight words: the quotient is estimated with the reciprocal. For any modulus it may be 2 too small; here at most 1, since what it is
 * taken from is less than 0.23 (the fraction of 2^512 / L, which the reciprocal lacks) and 2^-60 (for three words that are left out) below value / L.
 */
Scalar reduce(const uint64_t value[8]) {
  uint64_t product[10], multiple[10], rest[5];
  multiply_words(value + 3, 5, RECIPROCAL, 5, product);
  multiply_words(product + 5, 5, ORDER, 5, multiple);
  memcpy(rest, value, sizeof rest);
  subtract_words(rest, multiple);
  subtract_order(rest);
  Scalar result;
  memcpy(result.word, rest, sizeof result.word);
  wipe(product, sizeof product);
  wipe(multiple, sizeof multiple);
  wipe(rest, sizeof rest);
  return result;
}

} // namespace

Scalar scalar_of_wide(const uint8_t bytes[64]) {
  uint64_t value[8];
  memcpy(value, bytes, sizeof value);
  const Scalar result = reduce(value);
  wipe(value, sizeof value);
  return result;
}

Scalar scalar_of(const uint8_t bytes[32]) {
  uint64_t value[8] = {};
  memcpy(value, bytes, 32);
  const Scalar result = reduce(value);
  wipe(value, sizeof value);
  return result;
}

void scalar_bytes(const Scalar &scalar, uint8_t out[32]) { memcpy(out, scalar.word, 32); }

Scalar multiply_add(const Scalar &a, const Scalar &b, const Scalar &c) {
  uint64_t value[8];
  multiply_words(a.word, 4, b.word, 4, value);
  uint64_t carry = 0;
  for (int i = 0; i < 8; i++) {
    const Wide sum = (Wide)value[i] + (i < 4 ? c.word[i] : 0) + carry;
    value[i] = (uint64_t)sum;
    carry = (uint64_t)(sum >> 64);
  }
  const Scalar result = reduce(value);
  wipe(value, sizeof value);
  return result;
}

void signed_digits(const Scalar &scalar, int8_t digits[64]) {
  int carry = 0;
  for (int i = 0; i < 64; i++) {
    const int digit = (int)(scalar.word[i / 16] >> (4 * (i % 16)) & 15) + carry;
    // The highest digit of a number below 2^253 is 1, or 2 with a carry: nothing is carried out of it.
    carry = (digit + 8) >> 4;
    digits[i] = (int8_t)(digit - 16 * carry);
  }
}

} // namespace taogate::sr25519
