// CUDA kernels that run on the processor, for tests.
#pragma once
#include <cstdint>

struct HostKernel {
  const char *variant;
  /** Runs all threads of a grid, one after the other; `launch` points to the struct of that name. */
  void (*run)(const void *launch, unsigned grid, unsigned block);
  /** The number that decides for one low half of the nonce. */
  uint64_t (*decide)(const void *launch, uint32_t nonce);
};

extern const HostKernel HOST_KERNELS[3];
