// Writes the decisive numbers of consecutive nonces as 8 bytes little-endian each: every variant, in big-endian order and then in little-endian order.
// decide <preimage, 64 hex digits> <high> <from> <count>
#include <cstdio>
#include <cstdlib>
#include "host-kernel.h"
#include "pow.h"

int main(int, char **arguments) {
  uint8_t preimage[32];
  for (int i = 0; i < 32; i++) {
    const char digits[] = {arguments[1][2 * i], arguments[1][2 * i + 1], 0};
    preimage[i] = uint8_t(strtoul(digits, nullptr, 16));
  }
  const uint32_t from = uint32_t(strtoull(arguments[3], nullptr, 10)), count = uint32_t(strtoull(arguments[4], nullptr, 10));
  taogate::cuda::Launch launch{};
  taogate::cuda::prepare(preimage, uint32_t(strtoull(arguments[2], nullptr, 10)), launch);
  for (const HostKernel &kernel : HOST_KERNELS) {
    for (launch.littleEndian = 0; launch.littleEndian < 2; launch.littleEndian++) {
      for (uint32_t i = 0; i < count; i++) {
        const uint64_t number = kernel.decide(&launch, from + i);
        fwrite(&number, sizeof number, 1, stdout);
      }
    }
  }
}
