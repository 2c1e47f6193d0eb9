// How generated kernels are compiled.
#pragma once
#include <cstdint>

/** Not inlined: a Keccak of its own has all registers to itself, and is once in the instruction cache for both halves of a batch. */
#define POW_APART __attribute__((noinline))

/** The loop that follows stays a loop: 22 rounds in a row do not fit the instruction cache. */
#if defined(__clang__)
#define POW_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define POW_ROLLED _Pragma("GCC unroll 1")
#endif

/** The same address, at which the compiler no longer knows what is stored. */
inline const uint32_t *opaque(const uint32_t *address) {
  __asm__("" : "+r"(address));
  return address;
}
