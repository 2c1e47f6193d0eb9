// Sixteen nonces at a time: SHA-256 in sixteen 32-bit lanes, then Keccak twice in eight 64-bit lanes.
#include "kernels.hpp"
#ifdef POW_X86
#include "kernel-macros.hpp"
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

template <bool little> POW_TARGET uint64_t batch(const Launch &launch, uint32_t low) {
  const __m512i steps = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i nonces = _mm512_add_epi32(_mm512_set1_epi32((int)low), steps);
  __m512i h[8], lower[4], upper[4];
  sha(launch.slots, swap_bytes32(nonces), h);
  for (int i = 0; i < 4; i++) {
    const __m512i even = swap_bytes32(h[2 * i]), odd = swap_bytes32(h[2 * i + 1]);
    lower[i] = _mm512_unpacklo_epi32(even, odd);
    upper[i] = _mm512_unpackhi_epi32(even, odd);
  }
  const __m512i limit = _mm512_set1_epi64((long long)launch.limit);
  const unsigned in_lower = at_most<little>(keccak<little>(lower), limit);
  const unsigned in_upper = at_most<little>(keccak<little>(upper), limit);
  return in_lower | in_upper ? in_order(in_lower, in_upper) : 0;
}

uint64_t batch_either(const Launch &launch, uint32_t low) { return launch.little ? batch<true>(launch, low) : batch<false>(launch, low); }

} // namespace

const Kernel AVX512 = {"avx512", 16, batch_either};

} // namespace taogate
#endif
