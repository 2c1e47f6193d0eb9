// What the search and its kernels agree on.
#pragma once
#include <cstddef>
#include <cstdint>

namespace taogate {

constexpr size_t MAX_SLOTS = 64;

/** What is the same for all nonces with one high half. */
struct Launch {
  uint32_t slots[MAX_SLOTS];
  /** A nonce is a candidate when its decisive number is at most this. */
  uint64_t limit;
  /** Whether the decisive number is the seal's last eight bytes read little-endian; otherwise its first eight read big-endian. */
  bool little;
};

struct Kernel {
  const char *name;
  /** Nonces of a batch, at most 64. */
  uint32_t lanes;
  /** Tries nonces with low halves `low`, `low + 1`, ...; bit i of the result: nonce `low + i` is a candidate. */
  uint64_t (*batch)(const Launch &launch, uint32_t low);
};

/** Fills in the launch's constants of SHA-256. */
void prepare_launch(Launch &launch, const uint8_t preimage[32], uint32_t high);

extern const Kernel PORTABLE;
#if defined(__x86_64__) || defined(__i386__)
#define POW_X86 1
extern const Kernel AVX2;
/** The better of the two below for this processor. */
extern const Kernel AVX512;
/** With three-input logic wherever it saves an operation. */
extern const Kernel AVX512_LOGIC;
/** With less of it, and a few operations more. */
extern const Kernel AVX512_SHARED;
#endif

constexpr size_t MAX_KERNELS = 3;

/** The kernels that this processor (and its operating system) can run, slowest first, and how many. */
size_t usable_kernels(const Kernel *found[MAX_KERNELS]);

/** The usable kernel of this name, or null. Knows those that others choose from, too. */
const Kernel *find_kernel(const char *name);

} // namespace taogate
