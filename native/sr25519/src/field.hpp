// Arithmetic modulo p = 2^255 - 19, in five limbs of 51 bits. Nothing here branches on a value or uses one as an index.
#pragma once
#include "hygiene.hpp"

namespace taogate::sr25519 {

/**
 * The number limb[0] + 2^51 limb[1] + ... + 2^204 limb[4], modulo p. Limbs may be larger than 51 bits:
 * - tight: below 2^51 + 2^15, which `multiply`, `square` and `carry` give;
 * - loose: below 2^54, which those three take.
 */
struct Field {
  uint64_t limb[5];
};

constexpr uint64_t LIMB_MASK = ((uint64_t)1 << 51) - 1;
constexpr Field FIELD_ZERO = {{0, 0, 0, 0, 0}};
constexpr Field FIELD_ONE = {{1, 0, 0, 0, 0}};

/** Two tight ones give limbs below 2^52 + 2^16. */
inline Field add(const Field &a, const Field &b) {
  Field sum;
  for (int i = 0; i < 5; i++) sum.limb[i] = a.limb[i] + b.limb[i];
  return sum;
}

/** a + 2p - b. Limbs of b are at most 2^52 - 38, as tight ones are; those of a below 2^53 keep the difference loose. */
inline Field subtract(const Field &a, const Field &b) {
  constexpr uint64_t LOWEST = 2 * (LIMB_MASK - 18), OTHERS = 2 * LIMB_MASK;
  Field difference;
  difference.limb[0] = a.limb[0] + LOWEST - b.limb[0];
  for (int i = 1; i < 5; i++) difference.limb[i] = a.limb[i] + OTHERS - b.limb[i];
  return difference;
}

/** Tight limbs of column sums: of products of loose ones they are below 77 * 2^108, so each carry fits 64 bits. */
inline Field carry_columns(unsigned __int128 c0, unsigned __int128 c1, unsigned __int128 c2, unsigned __int128 c3, unsigned __int128 c4) {
  c1 += (uint64_t)(c0 >> 51);
  c2 += (uint64_t)(c1 >> 51);
  c3 += (uint64_t)(c2 >> 51);
  c4 += (uint64_t)(c3 >> 51);
  // 2^255 is 19. The top column has no factor 19 in it: 19 times its carry is below 2^64 - 2^51.
  const uint64_t lowest = ((uint64_t)c0 & LIMB_MASK) + 19 * (uint64_t)(c4 >> 51);
  return {{lowest & LIMB_MASK, ((uint64_t)c1 & LIMB_MASK) + (lowest >> 51), (uint64_t)c2 & LIMB_MASK, (uint64_t)c3 & LIMB_MASK,
           (uint64_t)c4 & LIMB_MASK}};
}

inline Field multiply(const Field &left, const Field &right) {
  using Wide = unsigned __int128;
  const uint64_t *a = left.limb, *b = right.limb;
  const uint64_t b1 = 19 * b[1], b2 = 19 * b[2], b3 = 19 * b[3], b4 = 19 * b[4];
  return carry_columns((Wide)a[0] * b[0] + (Wide)a[1] * b4 + (Wide)a[2] * b3 + (Wide)a[3] * b2 + (Wide)a[4] * b1,
                       (Wide)a[0] * b[1] + (Wide)a[1] * b[0] + (Wide)a[2] * b4 + (Wide)a[3] * b3 + (Wide)a[4] * b2,
                       (Wide)a[0] * b[2] + (Wide)a[1] * b[1] + (Wide)a[2] * b[0] + (Wide)a[3] * b4 + (Wide)a[4] * b3,
                       (Wide)a[0] * b[3] + (Wide)a[1] * b[2] + (Wide)a[2] * b[1] + (Wide)a[3] * b[0] + (Wide)a[4] * b4,
                       (Wide)a[0] * b[4] + (Wide)a[1] * b[3] + (Wide)a[2] * b[2] + (Wide)a[3] * b[1] + (Wide)a[4] * b[0]);
}

inline Field square(const Field &value) {
  using Wide = unsigned __int128;
  const uint64_t *a = value.limb;
  const uint64_t d0 = 2 * a[0], d1 = 2 * a[1], a3 = 19 * a[3], a4 = 19 * a[4];
  return carry_columns((Wide)a[0] * a[0] + (Wide)d1 * a4 + (Wide)(2 * a[2]) * a3, (Wide)d0 * a[1] + (Wide)(2 * a[2]) * a4 + (Wide)a[3] * a3,
                       (Wide)d0 * a[2] + (Wide)a[1] * a[1] + (Wide)(2 * a[3]) * a4, (Wide)d0 * a[3] + (Wide)d1 * a[2] + (Wide)a[4] * a4,
                       (Wide)d0 * a[4] + (Wide)d1 * a[3] + (Wide)a[2] * a[2]);
}

inline Field carry(const Field &value) {
  return carry_columns(value.limb[0], value.limb[1], value.limb[2], value.limb[3], value.limb[4]);
}

inline Field negate(const Field &value) { return carry(subtract(FIELD_ZERO, value)); }

/** `count` squarings. */
inline Field square_times(Field value, int count) {
  for (int i = 0; i < count; i++) value = square(value);
  return value;
}

/** b for a mask of ones, a for zero. */
inline Field select(uint64_t mask, const Field &a, const Field &b) {
  Field chosen;
  for (int i = 0; i < 5; i++) chosen.limb[i] = a.limb[i] ^ (mask & (a.limb[i] ^ b.limb[i]));
  return chosen;
}

/** The canonical 32 bytes, little-endian. */
void field_bytes(const Field &value, uint8_t out[32]);
/** Of 32 bytes, little-endian; the highest bit is left out. */
Field field_of(const uint8_t bytes[32]);
/** 1 when both are the same modulo p, else 0. */
uint64_t field_equal(const Field &a, const Field &b);
/** The lowest bit of the canonical number: RFC 9496 calls such numbers negative. */
uint64_t is_negative(const Field &value);
/** value or -value, whichever is not negative. */
Field absolute(const Field &value);
/** value^(p - 2): the inverse, and 0 for 0. */
Field invert(const Field &value);
/** 2^((p - 1) / 4), a root of -1 that is not negative. */
const Field &root_of_minus_one();

/** SQRT_RATIO_M1 of RFC 9496, section 4.2: the root of u / v, or of that times the root of -1 where it has none. */
struct Root {
  uint64_t was_square;
  Field root;
};
Root root_of_ratio(const Field &u, const Field &v);

} // namespace taogate::sr25519
