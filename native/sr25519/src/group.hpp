// ristretto255 (RFC 9496): multiples of its base point, and their encoding.
#pragma once
#include "field.hpp"
#include "scalar.hpp"

namespace taogate::sr25519 {

/** A point of the curve -x^2 + y^2 = 1 + d x^2 y^2: x = X/Z, y = Y/Z, x y = T/Z. */
struct Point {
  Field X, Y, Z, T;
};

/** scalar times the base point, in a time that does not depend on the scalar. The first call makes the table, in a millisecond or two. */
Point multiply_base(const Scalar &scalar);
/** The canonical 32 bytes. */
void encode(const Point &point, uint8_t out[32]);

} // namespace taogate::sr25519
