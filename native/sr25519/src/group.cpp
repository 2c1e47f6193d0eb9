#include "group.hpp"

namespace taogate::sr25519 {
namespace {

constexpr int DIGITS = 64, ENTRIES = 8;

/** A point with Z = 1, as adding wants it: y + x, y - x and 2 d x y. Tight. */
struct Entry {
  Field sum, difference, product;
};

/** What follows from d and p. All of it is public. */
struct Curve {
  /** 2 d */
  Field twice_d;
  /** 1 / sqrt(a - d), with a = -1. */
  Field root_of_a_minus_d;
  Point base;
  /** [i][j] is (j + 1) 256^i times the base point. */
  Entry table[DIGITS / 2][ENTRIES];

  Curve();
};

Field small(uint64_t value) { return {{value, 0, 0, 0, 0}}; }

/** The last steps of adding and doubling. E, F, G and H are loose. */
inline Point complete(const Field &E, const Field &F, const Field &G, const Field &H) {
  return {multiply(E, F), multiply(G, H), multiply(F, G), multiply(E, H)};
}

/** Complete for all points: "madd-2008-hwcd-3" with the sums of the second point made before. */
inline Point add_entry(const Point &p, const Entry &q) {
  const Field A = multiply(subtract(p.Y, p.X), q.difference), B = multiply(add(p.Y, p.X), q.sum);
  const Field C = multiply(p.T, q.product), D = add(p.Z, p.Z);
  return complete(subtract(B, A), subtract(D, C), add(D, C), add(B, A));
}

/** "dbl-2008-hwcd" for a = -1, with the signs of all four turned. */
inline Point twice(const Point &p) {
  const Field A = square(p.X), B = square(p.Y), half = square(p.Z), S = square(add(p.X, p.Y));
  const Field H = add(A, B), G = subtract(A, B);
  return complete(subtract(H, S), add(add(half, half), G), G, H);
}

Entry entry_of(const Point &p, const Field &twice_d) {
  const Field inverse = invert(p.Z);
  const Field x = multiply(p.X, inverse), y = multiply(p.Y, inverse);
  return {carry(add(y, x)), carry(subtract(y, x)), multiply(multiply(x, y), twice_d)};
}

Curve::Curve() {
  const Field d = negate(multiply(small(121665), invert(small(121666))));
  twice_d = carry(add(d, d));
  root_of_a_minus_d = root_of_ratio(FIELD_ONE, carry(subtract(negate(FIELD_ONE), d))).root;
  // The base point has y = 4/5, and of both x the one that is not negative: x^2 = (y^2 - 1) / (d y^2 + 1).
  const Field y = multiply(small(4), invert(small(5)));
  const Field y2 = square(y);
  const Field x = root_of_ratio(carry(subtract(y2, FIELD_ONE)), carry(add(multiply(d, y2), FIELD_ONE))).root;
  base = {x, y, FIELD_ONE, multiply(x, y)};

  Point first = base;
  for (auto &row : table) {
    row[0] = entry_of(first, twice_d);
    Point multiple = first;
    for (int j = 1; j < ENTRIES; j++) {
      multiple = add_entry(multiple, row[0]);
      row[j] = entry_of(multiple, twice_d);
    }
    for (int i = 0; i < 8; i++) first = twice(first);
  }
}

const Curve &curve() {
  static const Curve made;
  return made;
}

/** digit times the point of the row, for a digit from -8 to 8. Reads the whole row, whatever the digit. */
inline Entry choose(const Entry row[ENTRIES], int8_t digit) {
  const uint64_t sign = (uint8_t)digit >> 7;
  const uint64_t size = (uint64_t)((digit ^ -(int)sign) + (int)sign);
  Entry chosen = {FIELD_ONE, FIELD_ONE, FIELD_ZERO};
  for (int j = 0; j < ENTRIES; j++) {
    const uint64_t mask = mask_of(is_equal(size, (uint64_t)j + 1));
    chosen.sum = select(mask, chosen.sum, row[j].sum);
    chosen.difference = select(mask, chosen.difference, row[j].difference);
    chosen.product = select(mask, chosen.product, row[j].product);
  }
  // -(x, y) is (-x, y): both sums change places, the product its sign.
  const uint64_t mask = mask_of(sign);
  return {select(mask, chosen.sum, chosen.difference), select(mask, chosen.difference, chosen.sum),
          select(mask, chosen.product, subtract(FIELD_ZERO, chosen.product))};
}

} // namespace

Point multiply_base(const Scalar &scalar) {
  const Curve &known = curve();
  int8_t digits[DIGITS];
  signed_digits(scalar, digits);
  // Digits 1, 3, 5... first; 16 times that and digits 0, 2, 4... after it: one row of the table for each pair.
  Point sum = {FIELD_ZERO, FIELD_ONE, FIELD_ONE, FIELD_ZERO};
  for (int i = 1; i < DIGITS; i += 2) sum = add_entry(sum, choose(known.table[i / 2], digits[i]));
  for (int i = 0; i < 4; i++) sum = twice(sum);
  for (int i = 0; i < DIGITS; i += 2) sum = add_entry(sum, choose(known.table[i / 2], digits[i]));
  wipe(digits, sizeof digits);
  return sum;
}

// RFC 9496, section 4.3.2, by its names.
void encode(const Point &point, uint8_t out[32]) {
  const Field &x0 = point.X, &y0 = point.Y, &z0 = point.Z, &t0 = point.T;
  const Field u1 = multiply(add(z0, y0), subtract(z0, y0)), u2 = multiply(x0, y0);
  const Field invsqrt = root_of_ratio(FIELD_ONE, multiply(u1, square(u2))).root;
  const Field den1 = multiply(invsqrt, u1), den2 = multiply(invsqrt, u2);
  const Field z_inv = multiply(multiply(den1, den2), t0);
  const Field ix0 = multiply(x0, root_of_minus_one()), iy0 = multiply(y0, root_of_minus_one());
  const Field enchanted = multiply(den1, curve().root_of_a_minus_d);
  const uint64_t rotate = mask_of(is_negative(multiply(t0, z_inv)));
  const Field x = select(rotate, x0, iy0), den_inv = select(rotate, den2, enchanted);
  Field y = select(rotate, y0, ix0);
  y = select(mask_of(is_negative(multiply(x, z_inv))), y, negate(y));
  field_bytes(absolute(multiply(den_inv, subtract(z0, y))), out);
}

} // namespace taogate::sr25519
