#include "field.hpp"

namespace taogate::sr25519 {
namespace {

/** value^(2^250 - 1), and value^11 on the way. Each step doubles the count of ones in the exponent, or adds to it. */
Field ones_250(const Field &value, Field *eleventh) {
  const Field second = square(value);
  const Field ninth = multiply(value, square_times(second, 2));
  *eleventh = multiply(second, ninth);
  const Field ones5 = multiply(ninth, square(*eleventh));
  const Field ones10 = multiply(square_times(ones5, 5), ones5);
  const Field ones20 = multiply(square_times(ones10, 10), ones10);
  const Field ones40 = multiply(square_times(ones20, 20), ones20);
  const Field ones50 = multiply(square_times(ones40, 10), ones10);
  const Field ones100 = multiply(square_times(ones50, 50), ones50);
  const Field ones200 = multiply(square_times(ones100, 100), ones100);
  return multiply(square_times(ones200, 50), ones50);
}

/** value^((p - 5) / 8), where (p - 5) / 8 = 2^252 - 3. */
Field power_of_root(const Field &value) {
  Field eleventh;
  return multiply(square_times(ones_250(value, &eleventh), 2), value);
}

} // namespace

void field_bytes(const Field &value, uint8_t out[32]) {
  // Below 2p after a carry, so the quotient by p is 0 or 1: what is carried out of value + 19.
  Field t = carry(value);
  uint64_t quotient = (t.limb[0] + 19) >> 51;
  for (int i = 1; i < 5; i++) quotient = (t.limb[i] + quotient) >> 51;
  t.limb[0] += 19 * quotient;
  for (int i = 0; i < 4; i++) {
    t.limb[i + 1] += t.limb[i] >> 51;
    t.limb[i] &= LIMB_MASK;
  }
  t.limb[4] &= LIMB_MASK;
  const uint64_t words[4] = {t.limb[0] | t.limb[1] << 51, t.limb[1] >> 13 | t.limb[2] << 38, t.limb[2] >> 26 | t.limb[3] << 25,
                             t.limb[3] >> 39 | t.limb[4] << 12};
  memcpy(out, words, 32);
}

Field field_of(const uint8_t bytes[32]) {
  uint64_t word[4];
  memcpy(word, bytes, 32);
  return {{word[0] & LIMB_MASK, (word[0] >> 51 | word[1] << 13) & LIMB_MASK, (word[1] >> 38 | word[2] << 26) & LIMB_MASK,
           (word[2] >> 25 | word[3] << 39) & LIMB_MASK, word[3] >> 12 & LIMB_MASK}};
}

uint64_t field_equal(const Field &a, const Field &b) {
  uint8_t left[32], right[32];
  field_bytes(a, left);
  field_bytes(b, right);
  uint64_t difference = 0;
  for (int i = 0; i < 32; i++) difference |= left[i] ^ right[i];
  return is_equal(difference, 0);
}

uint64_t is_negative(const Field &value) {
  uint8_t bytes[32];
  field_bytes(value, bytes);
  return bytes[0] & 1;
}

Field absolute(const Field &value) { return select(mask_of(is_negative(value)), value, negate(value)); }

Field invert(const Field &value) {
  Field eleventh;
  const Field ones = ones_250(value, &eleventh);
  // p - 2 = 2^5 (2^250 - 1) + 11
  return multiply(square_times(ones, 5), eleventh);
}

const Field &root_of_minus_one() {
  static const Field root = [] {
    // (p - 1) / 4 = 2 (p - 5) / 8 + 1
    const Field two = {{2, 0, 0, 0, 0}};
    return absolute(multiply(square(power_of_root(two)), two));
  }();
  return root;
}

Root root_of_ratio(const Field &u, const Field &v) {
  const Field cube = multiply(square(v), v);
  const Field seventh = multiply(square(cube), v);
  const Field root = multiply(multiply(u, cube), power_of_root(multiply(u, seventh)));
  const Field check = multiply(v, square(root));
  const Field minus_u = negate(u);
  const uint64_t correct = field_equal(check, u), flipped = field_equal(check, minus_u);
  const uint64_t flipped_i = field_equal(check, multiply(minus_u, root_of_minus_one()));
  const Field other = multiply(root, root_of_minus_one());
  return {correct | flipped, absolute(select(mask_of(flipped | flipped_i), root, other))};
}

} // namespace taogate::sr25519
