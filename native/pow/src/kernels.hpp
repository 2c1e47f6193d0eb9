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

/** Of a batch, between two looks at the control word: the portable kernel takes some 0.15 ms for so many nonces, AVX-512 a tenth of that. */
constexpr uint32_t MAX_LANES = 256;

struct Kernel {
  const char *name;
  /** Nonces of a batch, at most 64 or a multiple of that up to MAX_LANES. */
  uint32_t lanes;
  /** Tries nonces with low halves `low`, `low + 1`, ...; bit i % 64 of `candidates[i / 64]`: nonce `low + i` is a candidate. */
  void (*batch)(const Launch &launch, uint32_t low, uint64_t *candidates);
  /** Kernels of which this one takes whichever is fastest while it works. */
  const Kernel *forms = nullptr;
  size_t form_count = 0;
};

/** Fills in the launch's constants of SHA-256. */
void prepare_launch(Launch &launch, const uint8_t preimage[32], uint32_t high);

extern const Kernel PORTABLE;
#if defined(__x86_64__)
#define POW_X86 1
extern const Kernel AVX2;
extern const Kernel AVX512;
#endif

constexpr size_t MAX_KERNELS = 3;

/** The kernels that this processor (and its operating system) can run, slowest first, and how many. */
size_t usable_kernels(const Kernel *found[MAX_KERNELS]);

/** The usable kernel or form of one with this name, or null. */
const Kernel *find_kernel(const char *name);

} // namespace taogate
