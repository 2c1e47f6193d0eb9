// Runs the public GPU solver (github.com/opentensor/cubit) as its Python client calls it, and prints how many nonces it tried in how many seconds.
// Compiled with -I<checkout>/kernels; arguments: device, threads a block, nonces a thread, calls.
#include "main.cu"
#include <chrono>
#include <cstdio>
#include <cstdlib>

int main(int, char **arguments) {
  const int device = atoi(arguments[1]), threads = atoi(arguments[2]), calls = atoi(arguments[4]);
  const uint64 nonces = strtoull(arguments[3], nullptr, 10);
  // No seal is below zero: every call tries all its nonces.
  unsigned long limit[8] = {0};
  BYTE preimage[65] = "5f2c6b0d9a8e7f10123456789abcdef0fedcba98765432100123456789abcdef";
  solve_cuda_c(threads, nullptr, 0, nonces, limit, preimage, device);
  const auto start = std::chrono::steady_clock::now();
  for (int call = 1; call <= calls; call++) solve_cuda_c(threads, nullptr, call * threads * nonces, nonces, limit, preimage, device);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  printf("%llu %.6f\n", (unsigned long long)(calls * threads * nonces), took.count());
}
