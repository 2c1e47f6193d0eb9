// The generated CUDA kernels, compiled for the processor: POW_CU is the generated file, POW_HASH the hash in its names.
#include <algorithm>
#include <cstdint>
#include "host-kernel.h"

#define POW_INTRINSICS_GIVEN
#define __global__
#define __device__
#define __grid_constant__
#define __forceinline__ __attribute__((noinline)) inline
#define __launch_bounds__(...)

namespace {

struct Index {
  unsigned x;
};
thread_local Index gridDim, blockDim, blockIdx, threadIdx;
using std::min;

// As PTX defines lop3's table: the function's value for 0xf0, 0xcc and 0xaa.
template <int TABLE>
constexpr uint32_t lop3(uint32_t a, uint32_t b, uint32_t c) {
  if constexpr (TABLE == 0x96) return a ^ b ^ c;
  else if constexpr (TABLE == 0xca) return (a & b) | (~a & c);
  else if constexpr (TABLE == 0xe8) return (a & b) | (a & c) | (b & c);
  else return a ^ (~b & c);
}
static_assert((lop3<0x96>(0xf0, 0xcc, 0xaa) & 0xff) == 0x96);
static_assert((lop3<0xca>(0xf0, 0xcc, 0xaa) & 0xff) == 0xca);
static_assert((lop3<0xe8>(0xf0, 0xcc, 0xaa) & 0xff) == 0xe8);
static_assert((lop3<0xd2>(0xf0, 0xcc, 0xaa) & 0xff) == 0xd2);

// The same four products and sums as on the device.
inline uint64_t multiplied(uint32_t low, uint32_t high, uint32_t power, uint32_t one) {
  const uint64_t ofHigh = uint64_t(high) * power, ofLow = uint64_t(low) * power;
  const uint32_t a = low * power + uint32_t(ofHigh >> 32);
  const uint32_t b = uint32_t(ofLow >> 32) * one + uint32_t(ofHigh);
  return uint64_t(b) << 32 | a;
}

inline uint32_t turned(uint32_t word, unsigned bits) { return word >> bits | word << (32 - bits); }
inline uint32_t reversed(uint32_t word) { return __builtin_bswap32(word); }
inline uint32_t __funnelshift_l(uint32_t low, uint32_t high, unsigned bits) { return high << bits | low >> (32 - bits); }
inline uint32_t atomicAdd(uint32_t *word, uint32_t value) { return __atomic_fetch_add(word, value, __ATOMIC_RELAXED); }

}  // namespace

#include POW_CU

#define JOINED(a, b) a##b
#define JOIN(a, b) JOINED(a, b)
#define KERNEL(variant) JOIN(taogate_pow_##variant##_, POW_HASH)

namespace {

template <void (*RUN)(const Launch)>
void runGrid(const void *launch, unsigned grid, unsigned block) {
  gridDim.x = grid;
  blockDim.x = block;
  for (blockIdx.x = 0; blockIdx.x < grid; blockIdx.x++)
    for (threadIdx.x = 0; threadIdx.x < block; threadIdx.x++) RUN(*static_cast<const Launch *>(launch));
}

template <void (*DECIDE)(const Launch &, uint32_t, uint32_t &, uint32_t &)>
uint64_t decide(const void *launch, uint32_t nonce) {
  uint32_t high, low;
  DECIDE(*static_cast<const Launch *>(launch), reversed(nonce), high, low);
  return uint64_t(high) << 32 | low;
}

}  // namespace

const HostKernel HOST_KERNELS[3] = {
    {"unrolled", runGrid<KERNEL(unrolled)>, decide<decide_unrolled>},
    {"looped", runGrid<KERNEL(looped)>, decide<decide_looped>},
    {"multiplier", runGrid<KERNEL(multiplier)>, decide<decide_multiplier>},
};
