// What all the secret arithmetic here shares: memory that is overwritten after use, and masks that the compiler cannot turn into branches.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#if !defined(__SIZEOF_INT128__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "needs a little-endian processor of 64 bits"
#endif

namespace taogate::sr25519 {

/** Overwrites memory; the compiler cannot leave it out as a write that nobody reads. */
inline void wipe(void *memory, size_t bytes) {
  memset(memory, 0, bytes);
  asm volatile("" : : "r"(memory) : "memory");
}

/** A value that is overwritten when its scope ends. */
template <class T> struct Wiped : T {
  using T::T;
  ~Wiped() { wipe(static_cast<T *>(this), sizeof(T)); }
};

/** The same number, about which the compiler knows nothing: it cannot see that a mask has two values only. */
inline uint64_t opaque(uint64_t value) {
  asm("" : "+r"(value));
  return value;
}

/** All ones for 1, zero for 0. */
inline uint64_t mask_of(uint64_t bit) { return opaque(0 - bit); }

/** 1 when both are equal, else 0. For numbers below 2^63. */
inline uint64_t is_equal(uint64_t a, uint64_t b) { return ((a ^ b) - 1) >> 63; }

} // namespace taogate::sr25519
