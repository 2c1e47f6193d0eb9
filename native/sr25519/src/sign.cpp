#include "sign.hpp"
#include "group.hpp"
#include "transcript.hpp"

namespace taogate::sr25519 {
namespace {

/** More than all that the functions below put on the stack together. */
constexpr size_t STACK_BYTES = 8192;

/** Overwrites what calls before this one have left on the stack: spilled registers, and results that were passed by value. */
__attribute__((noinline)) void wipe_stack() {
  uint8_t room[STACK_BYTES];
  wipe(room, sizeof room);
}

/** Said before each message; always the same. */
Transcript context() {
  static const Transcript said = [] {
    Transcript first("SigningContext");
    first.append("", "substrate", 9);
    return first;
  }();
  return said;
}

/** All that is said before the witness is drawn. */
Transcript statement(const uint8_t *message, size_t length, const uint8_t public_key[32]) {
  Transcript transcript = context();
  transcript.append("sign-bytes", message, length);
  transcript.append("proto-name", "Schnorr-sig", 11);
  transcript.append("sign:pk", public_key, 32);
  return transcript;
}

void ask(Transcript &transcript, const uint8_t commitment[32], uint8_t out[64]) {
  transcript.append("sign:R", commitment, 32);
  transcript.challenge("sign:c", out, 64);
}

__attribute__((noinline)) bool read_key_here(const uint8_t secret[64], const uint8_t public_key[32], Key *key) {
  uint64_t word[4];
  memcpy(word, secret, sizeof word);
  // Times 8 keeps lower bits free: the division is a shift.
  for (int i = 0; i < 4; i++) word[i] = word[i] >> 3 | (i < 3 ? word[i + 1] << 61 : 0);
  key->scalar = scalar_of(reinterpret_cast<const uint8_t *>(word));
  wipe(word, sizeof word);
  memcpy(key->nonce, secret + 32, 32);
  encode(multiply_base(key->scalar), key->public_key);
  return memcmp(key->public_key, public_key, 32) == 0;
}

__attribute__((noinline)) void sign_here(const Key &key, const uint8_t *message, size_t length, const uint8_t random[32], uint8_t signature[64]) {
  uint8_t wide[64];
  Transcript transcript = statement(message, length, key.public_key);
  transcript.witness("signing", key.nonce, random, wide);
  Wiped<Scalar> witness;
  static_cast<Scalar &>(witness) = scalar_of_wide(wide);
  encode(multiply_base(witness), signature);
  ask(transcript, signature, wide);
  scalar_bytes(multiply_add(scalar_of_wide(wide), key.scalar, witness), signature + 32);
  // schnorrkel's mark, which tells its signatures from those of Ed25519.
  signature[63] |= 0x80;
  wipe(wide, sizeof wide);
}

} // namespace

bool read_key(const uint8_t secret[64], const uint8_t public_key[32], Key *key) {
  const bool matches = read_key_here(secret, public_key, key);
  wipe_stack();
  return matches;
}

void sign(const Key &key, const uint8_t *message, size_t length, const uint8_t random[32], uint8_t signature[64]) {
  sign_here(key, message, length, random, signature);
  wipe_stack();
}

void challenge_bytes(const uint8_t *message, size_t length, const uint8_t public_key[32], const uint8_t commitment[32], uint8_t out[64]) {
  Transcript transcript = statement(message, length, public_key);
  ask(transcript, commitment, out);
}

} // namespace taogate::sr25519
