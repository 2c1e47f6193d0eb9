#include "search.hpp"

namespace taogate {

/** Between two looks at the control word: the portable kernel takes some 0.15 ms for them, AVX-512 a tenth of that. */
static const uint32_t NONCES_PER_LOOK = 256;

Outcome search(const Kernel &kernel, const Job &job) {
  Launch launch;
  prepare_launch(launch, job.preimage, job.high);
  launch.limit = job.limit;
  launch.little = job.little;

  const uint32_t batches_per_look = NONCES_PER_LOOK / kernel.lanes;
  uint64_t tried = 0;
  size_t found = 0;
  while (tried < job.count && __atomic_load_n(job.control, __ATOMIC_ACQUIRE) == job.epoch) {
    for (uint32_t k = 0; k < batches_per_look && tried < job.count; k++) {
      const uint32_t low = job.from + (uint32_t)tried;
      const uint64_t left = job.count - tried;
      uint64_t candidates = kernel.batch(launch, low);
      // A last batch that is not full also tries nonces that are not of this job.
      if (left < kernel.lanes) candidates &= (1ull << left) - 1;
      for (; candidates != 0; candidates &= candidates - 1) {
        const uint32_t lane = (uint32_t)__builtin_ctzll(candidates);
        job.hits[found++] = low + lane;
        // Whatever comes after the last hit that has room is not tried, so nothing is lost.
        if (found == job.room) return {tried + lane + 1, found};
      }
      tried += left < kernel.lanes ? left : kernel.lanes;
    }
  }
  return {tried, found};
}

} // namespace taogate
