// Eight nonces at a time: SHA-256 in eight 32-bit lanes, then Keccak twice in four 64-bit lanes.
#include "kernels.hpp"
#ifdef POW_X86
#include "kernel-macros.hpp"
#include <immintrin.h>

#define POW_TARGET __attribute__((target("avx2")))

namespace taogate {
namespace {

template <int bytes> POW_TARGET inline __m256i rotate_bytes(__m256i lanes) {
  constexpr int b = 8 - bytes;
  const __m256i from = _mm256_setr_epi8(b & 7, (b + 1) & 7, (b + 2) & 7, (b + 3) & 7, (b + 4) & 7, (b + 5) & 7, (b + 6) & 7, (b + 7) & 7, //
                                        8 + (b & 7), 8 + ((b + 1) & 7), 8 + ((b + 2) & 7), 8 + ((b + 3) & 7), 8 + ((b + 4) & 7),
                                        8 + ((b + 5) & 7), 8 + ((b + 6) & 7), 8 + ((b + 7) & 7), //
                                        b & 7, (b + 1) & 7, (b + 2) & 7, (b + 3) & 7, (b + 4) & 7, (b + 5) & 7, (b + 6) & 7, (b + 7) & 7, //
                                        8 + (b & 7), 8 + ((b + 1) & 7), 8 + ((b + 2) & 7), 8 + ((b + 3) & 7), 8 + ((b + 4) & 7),
                                        8 + ((b + 5) & 7), 8 + ((b + 6) & 7), 8 + ((b + 7) & 7));
  return _mm256_shuffle_epi8(lanes, from);
}

#include "kernel-avx2.inc"

POW_TARGET inline __m256i swap_bytes32(__m256i words) {
  return _mm256_shuffle_epi8(words, _mm256_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, //
                                                     3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
}

POW_TARGET inline __m256i swap_bytes64(__m256i words) {
  return _mm256_shuffle_epi8(words, _mm256_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8, //
                                                     7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8));
}

/** Bit i: lane i is at most the limit. There are only signed comparisons, so both sides are moved by 2^63. */
template <bool little> POW_TARGET inline unsigned at_most(__m256i lane, __m256i moved_limit) {
  const __m256i number = little ? lane : swap_bytes64(lane);
  const __m256i above = _mm256_cmpgt_epi64(_mm256_xor_si256(number, _mm256_set1_epi64x(INT64_MIN)), moved_limit);
  return ~(unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(above)) & 0xf;
}

/** Words in lanes 0, 1 and 4, 5 of each pair of words go to the lower half of the batch, the others to the upper: back to the order of nonces. */
inline uint64_t in_order(unsigned lower, unsigned upper) {
  uint64_t ordered = 0;
  for (int k = 0; k < 2; k++) ordered |= (uint64_t)((lower >> (2 * k) & 3) | (upper >> (2 * k) & 3) << 2) << (4 * k);
  return ordered;
}

template <bool little> POW_TARGET uint64_t batch(const Launch &launch, uint32_t low) {
  const __m256i w0 = swap_bytes32(_mm256_add_epi32(_mm256_set1_epi32((int)low), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)));
  __m256i h[8], lower[4], upper[4];
  sha(launch.slots, &w0, h);
  for (int i = 0; i < 4; i++) {
    const __m256i even = swap_bytes32(h[2 * i]), odd = swap_bytes32(h[2 * i + 1]);
    lower[i] = _mm256_unpacklo_epi32(even, odd);
    upper[i] = _mm256_unpackhi_epi32(even, odd);
  }
  const __m256i limit = _mm256_set1_epi64x((long long)(launch.limit ^ 1ull << 63));
  const unsigned in_lower = at_most<little>(keccak<little>(lower), limit);
  const unsigned in_upper = at_most<little>(keccak<little>(upper), limit);
  return in_lower | in_upper ? in_order(in_lower, in_upper) : 0;
}

void batch_either(const Launch &launch, uint32_t low, uint64_t *candidates) {
  *candidates = launch.little ? batch<true>(launch, low) : batch<false>(launch, low);
}

} // namespace

const Kernel AVX2 = {"avx2", 8, batch_either};

} // namespace taogate
#endif
