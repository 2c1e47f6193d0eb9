#pragma once
#include <cstdint>

namespace taogate {

/** keccak256(sha256(nonce as 8 bytes little-endian || preimage)), by textbook code that shares nothing with the kernels. */
void seal(const uint8_t preimage[32], uint64_t nonce, uint8_t out[32]);

} // namespace taogate
