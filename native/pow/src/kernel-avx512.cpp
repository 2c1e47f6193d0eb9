// Thirty-two nonces at a time: SHA-256 twice, side by side, in sixteen 32-bit lanes, then Keccak four times in eight 64-bit lanes.
#include "kernels.hpp"
#ifdef POW_X86
#include "kernel-macros.hpp"
#include <cpuid.h>
#include <immintrin.h>

#define POW_TARGET __attribute__((target("avx512f,avx512bw")))

namespace taogate {
namespace {

#include "kernel-avx512.inc"

POW_TARGET inline __m512i swap_bytes32(__m512i words) {
  return _mm512_shuffle_epi8(words, _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203));
}

POW_TARGET inline __m512i swap_bytes64(__m512i words) {
  return _mm512_shuffle_epi8(words, _mm512_set4_epi32(0x08090a0b, 0x0c0d0e0f, 0x00010203, 0x04050607));
}

/** Bit i: lane i is at most the limit. */
template <bool little> POW_TARGET inline unsigned at_most(__m512i lane, __m512i limit) {
  return _mm512_cmple_epu64_mask(little ? lane : swap_bytes64(lane), limit);
}

/** Of every four words the first two go to the lower half of the batch, the others to the upper: back to the order of nonces. */
inline uint64_t in_order(unsigned lower, unsigned upper) {
  uint64_t ordered = 0;
  for (int k = 0; k < 4; k++) ordered |= (uint64_t)((lower >> (2 * k) & 3) | (upper >> (2 * k) & 3) << 2) << (4 * k);
  return ordered;
}

/** One digest of sixteen nonces after the other, as Keccak fills all registers by itself. */
template <bool little, __m512i (*keccak)(const __m512i *)> POW_TARGET uint64_t candidates(const __m512i *h, __m512i limit) {
  __m512i lower[4], upper[4];
  for (int i = 0; i < 4; i++) {
    const __m512i even = swap_bytes32(h[2 * i]), odd = swap_bytes32(h[2 * i + 1]);
    lower[i] = _mm512_unpacklo_epi32(even, odd);
    upper[i] = _mm512_unpackhi_epi32(even, odd);
  }
  const unsigned in_lower = at_most<little>(keccak(lower), limit);
  const unsigned in_upper = at_most<little>(keccak(upper), limit);
  return in_lower | in_upper ? in_order(in_lower, in_upper) : 0;
}

template <bool little, __m512i (*keccak)(const __m512i *)> POW_TARGET uint64_t batch(const Launch &launch, uint32_t low) {
  const __m512i steps = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i w0[2] = {swap_bytes32(_mm512_add_epi32(_mm512_set1_epi32((int)low), steps)),
                         swap_bytes32(_mm512_add_epi32(_mm512_set1_epi32((int)(low + 16)), steps))};
  __m512i h[16];
  sha(launch.slots, w0, h);
  const __m512i limit = _mm512_set1_epi64((long long)launch.limit);
  return candidates<little, keccak>(h, limit) | candidates<little, keccak>(h + 8, limit) << 16;
}

uint64_t batch_logic(const Launch &launch, uint32_t low) {
  return launch.little ? batch<true, keccak_logic<true>>(launch, low) : batch<false, keccak_logic<false>>(launch, low);
}

uint64_t batch_shared(const Launch &launch, uint32_t low) {
  return launch.little ? batch<true, keccak_shared<true>>(launch, low) : batch<false, keccak_shared<false>>(launch, low);
}

/** Zen 4 (AMD family 25; Zen 3 of the same family has no AVX-512) reads too few registers a cycle for two three-input operations. */
bool is_zen4() {
  unsigned a, b, c, d;
  if (!__get_cpuid(0, &a, &b, &c, &d) || b != signature_AMD_ebx || c != signature_AMD_ecx || d != signature_AMD_edx) return false;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return false;
  return (a >> 8 & 15) + (a >> 20 & 255) == 25;
}

uint64_t batch_here(const Launch &launch, uint32_t low) {
  static const bool zen4 = is_zen4();
  return zen4 ? batch_shared(launch, low) : batch_logic(launch, low);
}

} // namespace

const Kernel AVX512 = {"avx512", 32, batch_here};
const Kernel AVX512_LOGIC = {"avx512-logic", 32, batch_logic};
const Kernel AVX512_SHARED = {"avx512-shared", 32, batch_shared};

} // namespace taogate
#endif
