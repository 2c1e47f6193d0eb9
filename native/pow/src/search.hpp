#pragma once
#include "kernels.hpp"

namespace taogate {

struct Job {
  const uint8_t *preimage;
  bool little;
  uint64_t limit;
  uint32_t high;
  uint32_t from;
  /** from + count <= 2^32. */
  uint64_t count;
  /** Another thread writes this. The search ends when it differs from `epoch`. */
  const int32_t *control;
  int32_t epoch;
  uint32_t *hits;
  /** Of hits; at least 1. */
  size_t room;
};

struct Outcome {
  /** Of these, starting at `from`, all candidates are in hits, ascending. */
  uint64_t tried;
  size_t found;
};

Outcome search(const Kernel &kernel, const Job &job);

} // namespace taogate
