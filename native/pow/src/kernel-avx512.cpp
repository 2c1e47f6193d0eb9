// Sixteen nonces at a time: SHA-256 in sixteen 32-bit lanes, then Keccak twice in eight 64-bit lanes. In three forms, of which none is fastest everywhere.
#include "kernels.hpp"
#ifdef POW_X86
#include "choice.hpp"
#include "kernel-macros.hpp"
#include <cstring>
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

/** A digest of sixteen nonces as Keccak's lanes: four vectors of the lower half and four of the upper. */
POW_TARGET inline void to_lanes(const __m512i *h, __m512i *d) {
  for (int i = 0; i < 4; i++) {
    const __m512i even = swap_bytes32(h[2 * i]), odd = swap_bytes32(h[2 * i + 1]);
    d[i] = _mm512_unpacklo_epi32(even, odd);
    d[4 + i] = _mm512_unpackhi_epi32(even, odd);
  }
}

/** First words of sixteen nonces. */
POW_TARGET inline __m512i first_words(uint32_t low) {
  const __m512i steps = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return swap_bytes32(_mm512_add_epi32(_mm512_set1_epi32((int)low), steps));
}

/** Of sixteen nonces, the first of which is number `at` of the batch. */
template <bool little> POW_TARGET inline void judge(__m512i lower, __m512i upper, __m512i limit, uint32_t at, uint64_t *candidates) {
  const unsigned in_lower = at_most<little>(lower, limit), in_upper = at_most<little>(upper, limit);
  if (in_lower | in_upper) candidates[at / 64] |= in_order(in_lower, in_upper) << (at % 64);
}

/** Two digests side by side, then one Keccak after the other, as each fills all registers by itself. */
template <bool little, __m512i (*keccak)(const __m512i *)>
POW_TARGET void in_turn(const Launch &launch, uint32_t low, uint64_t *candidates) {
  const __m512i limit = _mm512_set1_epi64((long long)launch.limit);
  __m512i h[16], d[8];
  memset(candidates, 0, MAX_LANES / 8);
  for (uint32_t at = 0; at < MAX_LANES; at += 32) {
    const __m512i w0[2] = {first_words(low + at), first_words(low + at + 16)};
    sha(launch.slots, w0, h);
    for (uint32_t digest = 0; digest < 2; digest++) {
      to_lanes(h + 8 * digest, d);
      const __m512i lower = keccak(d), upper = keccak(d + 4);
      judge<little>(lower, upper, limit, at + 16 * digest, candidates);
    }
  }
}

/** Keccak of one digest with SHA-256 of the next but one between its operations. The first two digests and the last two Keccaks are not woven, hence long batches. */
template <bool little> POW_TARGET void woven(const Launch &launch, uint32_t low, uint64_t *candidates) {
  const __m512i limit = _mm512_set1_epi64((long long)launch.limit);
  const __m512i w0[2] = {first_words(low), first_words(low + 16)};
  __m512i h[16];
  Woven words;
  memset(candidates, 0, MAX_LANES / 8);
  sha(launch.slots, w0, h);
  for (uint32_t at = 0; at < MAX_LANES; at += 16) {
    __m512i *const digest = h + at % 32 / 2;
    to_lanes(digest, words.d);
    if (at < MAX_LANES - 32) {
      words.w0 = first_words(low + at + 32);
      weave<little>(launch.slots, words);
      memcpy(digest, words.h, sizeof words.h);
    } else {
      words.lane[0] = keccak_shared<little>(words.d);
      words.lane[1] = keccak_shared<little>(words.d + 4);
    }
    judge<little>(words.lane[0], words.lane[1], limit, at, candidates);
  }
}

void batch_logic(const Launch &launch, uint32_t low, uint64_t *candidates) {
  launch.little ? in_turn<true, keccak_logic<true>>(launch, low, candidates) : in_turn<false, keccak_logic<false>>(launch, low, candidates);
}

void batch_shared(const Launch &launch, uint32_t low, uint64_t *candidates) {
  launch.little ? in_turn<true, keccak_shared<true>>(launch, low, candidates)
                : in_turn<false, keccak_shared<false>>(launch, low, candidates);
}

void batch_woven(const Launch &launch, uint32_t low, uint64_t *candidates) {
  launch.little ? woven<true>(launch, low, candidates) : woven<false>(launch, low, candidates);
}

const Kernel FORMS[] = {
    {"avx512-logic", MAX_LANES, batch_logic},
    {"avx512-shared", MAX_LANES, batch_shared},
    {"avx512-woven", MAX_LANES, batch_woven},
};
constexpr size_t FORM_COUNT = sizeof FORMS / sizeof *FORMS;

/** Each thread has its own, as cores differ in what else they do. Batches of all forms are of the same length, so that their times compare. */
thread_local Choice<FORM_COUNT> choice;

void batch_chosen(const Launch &launch, uint32_t low, uint64_t *candidates) {
  const Kernel &form = FORMS[choice.next()];
  const uint64_t before = __rdtsc();
  form.batch(launch, low, candidates);
  choice.done(__rdtsc() - before);
}

} // namespace

const Kernel AVX512 = {"avx512", MAX_LANES, batch_chosen, FORMS, FORM_COUNT};

} // namespace taogate
#endif
