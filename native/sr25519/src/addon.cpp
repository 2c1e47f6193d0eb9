// The face of the signer in JavaScript. See `SigningAddon` in src/core/wallet/native-signer.ts for the types.
#include "arguments.hpp"
#include "sign.hpp"
#include <new>

/** One step of the arithmetic by its name, for tests. */
napi_value taogate_sr25519_step(napi_env env, napi_callback_info info);

namespace taogate::sr25519 {
namespace {

/** Of what this addon exports; the program refuses another. */
constexpr int CONTRACT_VERSION = 1;
/** Merlin frames a length in four bytes. */
constexpr size_t LONGEST_MESSAGE = UINT32_MAX;

/** The function that `load` returns. Its key is reached through it alone. */
napi_value call_sign(napi_env env, napi_callback_info info) {
  Arguments given(env, info);
  Bytes message, random;
  if (!given.bytes(0, "message", 0, LONGEST_MESSAGE, &message) || !given.bytes(1, "random", 32, &random)) return nullptr;
  uint8_t *signature = nullptr;
  napi_value result = new_bytes(env, 64, &signature);
  if (result) sign(*static_cast<const Key *>(given.data), message.data, message.length, random.data, signature);
  return result;
}

void drop_key(napi_env, void *key, void *) { delete static_cast<Key *>(key); }

napi_value call_load(napi_env env, napi_callback_info info) {
  Arguments given(env, info);
  Bytes secret, public_key;
  if (!given.bytes(0, "secret", 64, &secret) || !given.bytes(1, "publicKey", 32, &public_key)) return nullptr;
  Key *key = new (std::nothrow) Key;
  napi_value function = nullptr;
  if (key && read_key(secret.data, public_key.data, key) &&
      napi_create_function(env, "sign", NAPI_AUTO_LENGTH, call_sign, key, &function) == napi_ok &&
      napi_add_finalizer(env, function, key, drop_key, nullptr, nullptr) == napi_ok)
    return function;
  delete key;
  napi_get_null(env, &function);
  return function;
}

void export_function(napi_env env, napi_value exports, const char *name, napi_callback callback) {
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  napi_set_named_property(env, exports, name, function);
}

} // namespace
} // namespace taogate::sr25519

NAPI_MODULE_INIT() {
  using namespace taogate::sr25519;
  napi_value version = nullptr;
  napi_create_int32(env, CONTRACT_VERSION, &version);
  napi_set_named_property(env, exports, "version", version);
  export_function(env, exports, "load", call_load);
  export_function(env, exports, "step", taogate_sr25519_step);
  return exports;
}
