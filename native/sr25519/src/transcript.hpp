// Merlin transcripts over STROBE-128 over Keccak-f[1600]: just the operations that signing needs.
#pragma once
#include "hygiene.hpp"

namespace taogate::sr25519 {

/** The permutation of FIPS 202, in place. */
void keccak_f1600(uint64_t lanes[25]);

/**
 * What has been said so far, by both parties of a proof. https://merlin.cool has the operations, https://strobe.sourceforge.io/specs what they are made of.
 * Labels are public, contents may be secret; lengths are public.
 */
class Transcript {
public:
  explicit Transcript(const char *label);
  ~Transcript() { wipe(this, sizeof *this); }
  Transcript(const Transcript &) = default;

  /** Below 2^32 bytes, as all contents here. */
  void append(const char *label, const void *content, size_t length);
  /** Bytes that follow from all that was said. Asking is something said, too. */
  void challenge(const char *label, uint8_t *out, size_t length);
  /**
   * 64 bytes that nobody can know without the secret, and that also follow from all that was said and from the random bytes: they stay secret and differ
   * between messages even when the randomness is bad. The transcript itself is left as it is.
   */
  void witness(const char *label, const uint8_t secret[32], const uint8_t random[32], uint8_t out[64]) const;

private:
  uint64_t lanes[25];
  uint8_t position, begin;

  uint8_t *state() { return reinterpret_cast<uint8_t *>(lanes); }
  void permute();
  void absorb(const void *content, size_t length);
  void overwrite(const uint8_t *content, size_t length);
  void squeeze(uint8_t *out, size_t length);
  void start(uint8_t flags);
  void announce(const char *label, size_t length);
};

} // namespace taogate::sr25519
