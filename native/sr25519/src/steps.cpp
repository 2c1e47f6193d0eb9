// Each step of the arithmetic by its name, so that tests can hold it against another implementation. None sees a key.
#include "arguments.hpp"
#include "group.hpp"
#include "sign.hpp"
#include "transcript.hpp"

namespace {

using namespace taogate::sr25519;

struct Given {
  uint8_t bytes[3][200];
};

/** Reads up to three arguments of the lengths that `lengths` tells and writes `size` bytes. */
struct Step {
  const char *name;
  size_t lengths[3], size;
  void (*run)(const Given &given, uint8_t *out);
};

/** Five limbs of 64 bits, which need not be reduced. */
Field limbs(const uint8_t *bytes) {
  Field value;
  memcpy(value.limb, bytes, sizeof value.limb);
  return value;
}

Field first(const Given &given) { return field_of(given.bytes[0]); }
Field second(const Given &given) { return field_of(given.bytes[1]); }

const Step STEPS[] = {
    {"field bytes", {40}, 32, [](const Given &g, uint8_t *out) { field_bytes(limbs(g.bytes[0]), out); }},
    {"field multiply", {40, 40}, 32, [](const Given &g, uint8_t *out) { field_bytes(multiply(limbs(g.bytes[0]), limbs(g.bytes[1])), out); }},
    {"field square", {40}, 32, [](const Given &g, uint8_t *out) { field_bytes(square(limbs(g.bytes[0])), out); }},
    {"field add", {40, 40}, 32, [](const Given &g, uint8_t *out) { field_bytes(add(limbs(g.bytes[0]), limbs(g.bytes[1])), out); }},
    {"field subtract", {40, 40}, 32, [](const Given &g, uint8_t *out) { field_bytes(subtract(limbs(g.bytes[0]), limbs(g.bytes[1])), out); }},
    {"field negate", {32}, 32, [](const Given &g, uint8_t *out) { field_bytes(negate(first(g)), out); }},
    {"field absolute", {32}, 32, [](const Given &g, uint8_t *out) { field_bytes(absolute(first(g)), out); }},
    {"field invert", {32}, 32, [](const Given &g, uint8_t *out) { field_bytes(invert(first(g)), out); }},
    {"field equal", {32, 32}, 1, [](const Given &g, uint8_t *out) { *out = (uint8_t)field_equal(first(g), second(g)); }},
    {"root of ratio",
     {32, 32},
     33,
     [](const Given &g, uint8_t *out) {
       const Root root = root_of_ratio(first(g), second(g));
       out[0] = (uint8_t)root.was_square;
       field_bytes(root.root, out + 1);
     }},
    {"scalar reduce", {64}, 32, [](const Given &g, uint8_t *out) { scalar_bytes(scalar_of_wide(g.bytes[0]), out); }},
    {"scalar multiply add",
     {32, 32, 32},
     32,
     [](const Given &g, uint8_t *out) {
       scalar_bytes(multiply_add(scalar_of(g.bytes[0]), scalar_of(g.bytes[1]), scalar_of(g.bytes[2])), out);
     }},
    {"scalar digits", {32}, 64, [](const Given &g, uint8_t *out) { signed_digits(scalar_of(g.bytes[0]), reinterpret_cast<int8_t *>(out)); }},
    {"multiple of base", {32}, 32, [](const Given &g, uint8_t *out) { encode(multiply_base(scalar_of(g.bytes[0])), out); }},
    {"keccak",
     {200},
     200,
     [](const Given &g, uint8_t *out) {
       uint64_t lanes[25];
       memcpy(lanes, g.bytes[0], sizeof lanes);
       keccak_f1600(lanes);
       memcpy(out, lanes, sizeof lanes);
     }},
};

} // namespace

/** step(name, ...bytes); "challenge" takes a message of any length, a public key and a commitment. */
napi_value taogate_sr25519_step(napi_env env, napi_callback_info info) {
  Arguments given(env, info);
  char name[32];
  uint8_t *out = nullptr;
  if (!given.text(0, "name", name, sizeof name)) return nullptr;
  if (strcmp(name, "challenge") == 0) {
    Bytes message, key, commitment;
    if (!given.bytes(1, "message", 0, UINT32_MAX, &message) || !given.bytes(2, "publicKey", 32, &key) ||
        !given.bytes(3, "commitment", 32, &commitment))
      return nullptr;
    napi_value result = new_bytes(env, 64, &out);
    if (result) challenge_bytes(message.data, message.length, key.data, commitment.data, out);
    return result;
  }
  for (const Step &step : STEPS) {
    if (strcmp(name, step.name) != 0) continue;
    Given bytes;
    for (size_t k = 0; k < 3 && step.lengths[k] > 0; k++) {
      Bytes argument;
      if (!given.bytes(k + 1, step.name, step.lengths[k], &argument)) return nullptr;
      memcpy(bytes.bytes[k], argument.data, argument.length);
    }
    napi_value result = new_bytes(env, step.size, &out);
    if (result) step.run(bytes, out);
    return result;
  }
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "name is that of no step");
  return nullptr;
}
