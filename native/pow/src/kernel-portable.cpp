// One nonce at a time, with nothing but C++.
#include "kernel-macros.hpp"
#include "kernels.hpp"

#define POW_TARGET

namespace taogate {
namespace {

#include "kernel-portable.inc"

uint32_t swap_bytes(uint32_t word) { return __builtin_bswap32(word); }

template <bool little> uint64_t batch(const Launch &launch, uint32_t low) {
  uint64_t candidates = 0;
  for (uint32_t k = 0; k < 64; k++) {
    uint32_t h[8];
    uint64_t d[4];
    const uint32_t w0 = swap_bytes(low + k);
    sha(launch.slots, &w0, h);
    for (int i = 0; i < 4; i++) d[i] = swap_bytes(h[2 * i]) | (uint64_t)swap_bytes(h[2 * i + 1]) << 32;
    const uint64_t lane = keccak<little>(d);
    candidates |= (uint64_t)((little ? lane : __builtin_bswap64(lane)) <= launch.limit) << k;
  }
  return candidates;
}

void batch_either(const Launch &launch, uint32_t low, uint64_t *candidates) {
  *candidates = launch.little ? batch<true>(launch, low) : batch<false>(launch, low);
}

} // namespace

const Kernel PORTABLE = {"portable", 64, batch_either};

void prepare_launch(Launch &launch, const uint8_t preimage[32], uint32_t high) {
  uint32_t m[10] = {0, swap_bytes(high)};
  for (int i = 0; i < 8; i++) {
    const uint8_t *at = preimage + 4 * i;
    m[2 + i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
  }
  launch_constants(m, launch.slots);
}

} // namespace taogate
