// Printed by native/pow/generate/cuda.mjs; scripts/build-cuda.mjs makes it anew. Do not edit.
#pragma once
#include <cstdint>

namespace taogate::cuda {

constexpr const char *SOURCE_HASH = "4fa288ca7c8b";

/** What one launch is told. Pointers are addresses on the device; the nonces are (high, first + i) for i < count, which has room for a stride above it. */
struct Launch {
  uint64_t epochWord;
  uint64_t ring;
  uint64_t limit;
  uint32_t epoch;
  uint32_t capacity;
  uint32_t first;
  uint32_t count;
  uint32_t constants[26];
  uint32_t littleEndian;
  uint32_t unused;
  uint32_t powers[32];
  uint32_t rounds[44];
};

inline uint32_t turned(uint32_t word, unsigned bits) { return word >> bits | word << (32 - bits); }

template <int TABLE>
inline uint32_t lop3(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t result = 0;
  for (int row = 0; row < 8; row++)
    if (TABLE >> row & 1) result |= (row & 4 ? a : ~a) & (row & 2 ? b : ~b) & (row & 1 ? c : ~c);
  return result;
}

/** All that does not differ by nonce, for 32 bytes of P and the high half of the nonce. */
inline void prepare(const uint8_t *preimage, uint32_t high, Launch &launch) {
  uint32_t *constants = launch.constants;
  static constexpr uint32_t ROUNDS[] = {
      0x8082u, 0x0u,
      0x808au, 0x80000000u,
      0x80008000u, 0x80000000u,
      0x808bu, 0x0u,
      0x80000001u, 0x0u,
      0x80008081u, 0x80000000u,
      0x8009u, 0x80000000u,
      0x8au, 0x0u,
      0x88u, 0x0u,
      0x80008009u, 0x0u,
      0x8000000au, 0x0u,
      0x8000808bu, 0x0u,
      0x8bu, 0x80000000u,
      0x8089u, 0x80000000u,
      0x8003u, 0x80000000u,
      0x8002u, 0x80000000u,
      0x80u, 0x80000000u,
      0x800au, 0x0u,
      0x8000000au, 0x80000000u,
      0x80008081u, 0x80000000u,
      0x8080u, 0x80000000u,
      0x80000001u, 0x0u,
  };
  for (size_t i = 0; i < sizeof ROUNDS / sizeof ROUNDS[0]; i++) launch.rounds[i] = ROUNDS[i];
  for (int i = 0; i < 32; i++) launch.powers[i] = uint32_t(1) << i;
  const uint32_t m1 = high >> 24 | (high >> 8 & 0xff00) | (high << 8 & 0xff0000) | high << 24;
  const auto word = [preimage](int i) {
    const uint8_t *p = preimage + 4 * i;
    return uint32_t(p[0]) << 24 | uint32_t(p[1]) << 16 | uint32_t(p[2]) << 8 | p[3];
  };
  const uint32_t m2 = word(0);
  const uint32_t m3 = word(1);
  const uint32_t m4 = word(2);
  const uint32_t m5 = word(3);
  const uint32_t m6 = word(4);
  const uint32_t m7 = word(5);
  const uint32_t m8 = word(6);
  const uint32_t m9 = word(7);
  const uint32_t v47 = 0x90bb1e3cu + m1;
  const uint32_t v65 = 0x50c6645bu + m2;
  const uint32_t v83 = 0x3ac42e24u + m3;
  const uint32_t v100 = 0x3956c25bu + m4;
  const uint32_t v118 = 0x59f111f1u + m5;
  const uint32_t v136 = 0x923f82a4u + m6;
  const uint32_t v154 = 0xab1c5ed5u + m7;
  const uint32_t v172 = 0xd807aa98u + m8;
  const uint32_t v190 = 0x12835b01u + m9;
  const uint32_t v306 = turned(m1, 7);
  const uint32_t v307 = turned(m1, 18);
  const uint32_t v308 = m1 >> 3;
  const uint32_t v309 = lop3<0x96>(v306, v307, v308);
  const uint32_t v310 = m9 + v309;
  const uint32_t v330 = turned(m2, 7);
  const uint32_t v331 = turned(m2, 18);
  const uint32_t v332 = m2 >> 3;
  const uint32_t v333 = lop3<0x96>(v330, v331, v332);
  const uint32_t v338 = 0x80880000u + m1;
  const uint32_t v339 = v338 + v333;
  const uint32_t v346 = 0xefbe4786u + v339;
  const uint32_t v358 = turned(m3, 7);
  const uint32_t v359 = turned(m3, 18);
  const uint32_t v360 = m3 >> 3;
  const uint32_t v361 = lop3<0x96>(v358, v359, v360);
  const uint32_t v366 = m2 + v361;
  const uint32_t v386 = turned(m4, 7);
  const uint32_t v387 = turned(m4, 18);
  const uint32_t v388 = m4 >> 3;
  const uint32_t v389 = lop3<0x96>(v386, v387, v388);
  const uint32_t v390 = turned(v339, 17);
  const uint32_t v391 = turned(v339, 19);
  const uint32_t v392 = v339 >> 10;
  const uint32_t v393 = lop3<0x96>(v390, v391, v392);
  const uint32_t v394 = m3 + v389;
  const uint32_t v395 = v394 + v393;
  const uint32_t v402 = 0x240ca1ccu + v395;
  const uint32_t v414 = turned(m5, 7);
  const uint32_t v415 = turned(m5, 18);
  const uint32_t v416 = m5 >> 3;
  const uint32_t v417 = lop3<0x96>(v414, v415, v416);
  const uint32_t v422 = m4 + v417;
  const uint32_t v442 = turned(m6, 7);
  const uint32_t v443 = turned(m6, 18);
  const uint32_t v444 = m6 >> 3;
  const uint32_t v445 = lop3<0x96>(v442, v443, v444);
  const uint32_t v446 = turned(v395, 17);
  const uint32_t v447 = turned(v395, 19);
  const uint32_t v448 = v395 >> 10;
  const uint32_t v449 = lop3<0x96>(v446, v447, v448);
  const uint32_t v450 = m5 + v445;
  const uint32_t v451 = v450 + v449;
  const uint32_t v458 = 0x4a7484aau + v451;
  const uint32_t v470 = turned(m7, 7);
  const uint32_t v471 = turned(m7, 18);
  const uint32_t v472 = m7 >> 3;
  const uint32_t v473 = lop3<0x96>(v470, v471, v472);
  const uint32_t v478 = 0x140u + m6;
  const uint32_t v479 = v478 + v473;
  const uint32_t v499 = turned(m8, 7);
  const uint32_t v500 = turned(m8, 18);
  const uint32_t v501 = m8 >> 3;
  const uint32_t v502 = lop3<0x96>(v499, v500, v501);
  const uint32_t v503 = turned(v451, 17);
  const uint32_t v504 = turned(v451, 19);
  const uint32_t v505 = v451 >> 10;
  const uint32_t v506 = lop3<0x96>(v503, v504, v505);
  const uint32_t v507 = m7 + v502;
  const uint32_t v508 = v507 + v506;
  const uint32_t v528 = turned(m9, 7);
  const uint32_t v529 = turned(m9, 18);
  const uint32_t v530 = m9 >> 3;
  const uint32_t v531 = lop3<0x96>(v528, v529, v530);
  const uint32_t v536 = m8 + v339;
  const uint32_t v537 = v536 + v531;
  const uint32_t v565 = 0x11002000u + m9;
  const uint32_t v590 = 0x80000000u + v395;
  const uint32_t v736 = turned(v339, 7);
  const uint32_t v737 = turned(v339, 18);
  const uint32_t v738 = v339 >> 3;
  const uint32_t v739 = lop3<0x96>(v736, v737, v738);
  const uint32_t v794 = turned(v395, 7);
  const uint32_t v795 = turned(v395, 18);
  const uint32_t v796 = v395 >> 3;
  const uint32_t v797 = lop3<0x96>(v794, v795, v796);
  const uint32_t v852 = turned(v451, 7);
  const uint32_t v853 = turned(v451, 18);
  const uint32_t v854 = v451 >> 3;
  const uint32_t v855 = lop3<0x96>(v852, v853, v854);
  constants[0] = v47;
  constants[1] = v65;
  constants[2] = v83;
  constants[3] = v100;
  constants[4] = v118;
  constants[5] = v136;
  constants[6] = v154;
  constants[7] = v172;
  constants[8] = v190;
  constants[9] = v310;
  constants[10] = v346;
  constants[11] = v366;
  constants[12] = v402;
  constants[13] = v422;
  constants[14] = v458;
  constants[15] = v479;
  constants[16] = v508;
  constants[17] = v537;
  constants[18] = v565;
  constants[19] = v590;
  constants[20] = v451;
  constants[21] = v739;
  constants[22] = v339;
  constants[23] = v797;
  constants[24] = v395;
  constants[25] = v855;
}

}  // namespace taogate::cuda
