// sr25519 signatures as schnorrkel makes them, under the signing context `substrate`.
#pragma once
#include "scalar.hpp"

namespace taogate::sr25519 {

/** A key that signs. Wiped when it goes. */
struct KeyData {
  Scalar scalar;
  uint8_t nonce[32];
  uint8_t public_key[32];
};
using Key = Wiped<KeyData>;

/**
 * Reads 64 secret bytes: the scalar times 8 as a number of 256 bits (not modulo L), and what nonces are made from. False when the public key is not that
 * of the scalar.
 */
bool read_key(const uint8_t secret[64], const uint8_t public_key[32], Key *key);
/** Of a message below 2^32 bytes; `random` are fresh random bytes. */
void sign(const Key &key, const uint8_t *message, size_t length, const uint8_t random[32], uint8_t signature[64]);
/** The 64 bytes that a verifier's challenge is reduced from. */
void challenge_bytes(const uint8_t *message, size_t length, const uint8_t public_key[32], const uint8_t commitment[32], uint8_t out[64]);

} // namespace taogate::sr25519
