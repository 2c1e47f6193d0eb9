// Signs with secrets that memcheck takes for uninitialised memory: it reports each branch and each address that depends on one. ../README.md has the command.
#include "../src/group.hpp"
#include "../src/sign.hpp"
#include <cstdio>
#include <cstdlib>
#include <valgrind/memcheck.h>

using namespace taogate::sr25519;

int main(int count, char **) {
  uint8_t message[333] = {}, signature[64], encoded[32];
  for (int round = 0; round < 5; round++) {
    uint8_t bytes[64], random[32];
    for (uint8_t &byte : bytes) byte = (uint8_t)rand();
    for (uint8_t &byte : random) byte = (uint8_t)rand();
    Key key;
    key.scalar = scalar_of_wide(bytes);
    memcpy(key.nonce, bytes, 32);
    encode(multiply_base(key.scalar), key.public_key);

    VALGRIND_MAKE_MEM_UNDEFINED(&key.scalar, sizeof key.scalar);
    VALGRIND_MAKE_MEM_UNDEFINED(key.nonce, sizeof key.nonce);
    VALGRIND_MAKE_MEM_UNDEFINED(random, sizeof random);
    sign(key, message, sizeof message, random, signature);
    encode(multiply_base(key.scalar), encoded);
    // With an argument, a branch that has to be reported.
    if (count > 1 && (signature[32] & 1)) puts("odd");
  }
  puts("signed");
}
