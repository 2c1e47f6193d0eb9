#include "search.hpp"

namespace taogate {

Outcome search(const Kernel &kernel, const Job &job) {
  Launch launch;
  prepare_launch(launch, job.preimage, job.high);
  launch.limit = job.limit;
  launch.little = job.little;

  const uint32_t batches_per_look = MAX_LANES / kernel.lanes;
  uint64_t candidates[MAX_LANES / 64];
  uint64_t tried = 0;
  size_t found = 0;
  while (tried < job.count && __atomic_load_n(job.control, __ATOMIC_ACQUIRE) == job.epoch) {
    for (uint32_t k = 0; k < batches_per_look && tried < job.count; k++) {
      const uint32_t low = job.from + (uint32_t)tried;
      const uint64_t left = job.count - tried;
      const uint32_t lanes = left < kernel.lanes ? (uint32_t)left : kernel.lanes;
      kernel.batch(launch, low, candidates);
      for (uint32_t from = 0; from < lanes; from += 64) {
        uint64_t bits = candidates[from / 64];
        // A last batch that is not full also tries nonces that are not of this job.
        if (lanes - from < 64) bits &= (1ull << (lanes - from)) - 1;
        for (; bits != 0; bits &= bits - 1) {
          const uint32_t lane = from + (uint32_t)__builtin_ctzll(bits);
          job.hits[found++] = low + lane;
          // Whatever comes after the last hit that has room is not tried, so nothing is lost.
          if (found == job.room) return {tried + lane + 1, found};
        }
      }
      tried += lanes;
    }
  }
  return {tried, found};
}

} // namespace taogate
