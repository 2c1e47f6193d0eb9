// Numbers modulo the order of the group, L = 2^252 + 27742317777372353535851937790883648493.
#pragma once
#include "hygiene.hpp"

namespace taogate::sr25519 {

/** Below L, in four words, the lowest first. */
struct Scalar {
  uint64_t word[4];
};

/** 64 bytes, little-endian, modulo L. */
Scalar scalar_of_wide(const uint8_t bytes[64]);
/** 32 bytes, little-endian, modulo L. */
Scalar scalar_of(const uint8_t bytes[32]);
void scalar_bytes(const Scalar &scalar, uint8_t out[32]);
/** a * b + c modulo L. */
Scalar multiply_add(const Scalar &a, const Scalar &b, const Scalar &c);
/** The digits of base 16, the lowest first, each from -8 to 7. */
void signed_digits(const Scalar &scalar, int8_t digits[64]);

} // namespace taogate::sr25519
