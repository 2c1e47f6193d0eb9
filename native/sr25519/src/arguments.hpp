// Reads a call's arguments. A reader that fails has left a TypeError that names the argument.
#pragma once
#include <cstdint>
#include <cstdio>
#include <node_api.h>

namespace taogate::sr25519 {

struct Bytes {
  const uint8_t *data;
  size_t length;
};

class Arguments {
public:
  Arguments(napi_env env, napi_callback_info info) : env(env) {
    size_t room = MOST;
    // What is missing reads as undefined, which no reader takes.
    napi_get_cb_info(env, info, &room, values, nullptr, &data);
  }

  /** What the function was made with. */
  void *data = nullptr;

  /** A Uint8Array of so many bytes at least and at most. */
  bool bytes(size_t k, const char *name, size_t least, size_t most, Bytes *out) {
    napi_typedarray_type type;
    void *memory = nullptr;
    bool is = false;
    if (napi_is_typedarray(env, values[k], &is) == napi_ok && is &&
        napi_get_typedarray_info(env, values[k], &type, &out->length, &memory, nullptr, nullptr) == napi_ok && type == napi_uint8_array &&
        out->length >= least && out->length <= most) {
      out->data = static_cast<const uint8_t *>(memory);
      return true;
    }
    char message[80];
    if (least == most) snprintf(message, sizeof message, "%s must be a Uint8Array of %zu bytes", name, least);
    else snprintf(message, sizeof message, "%s must be a Uint8Array of at most %zu bytes", name, most);
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
    return false;
  }

  bool bytes(size_t k, const char *name, size_t length, Bytes *out) { return bytes(k, name, length, length, out); }

  bool text(size_t k, const char *name, char *out, size_t room) {
    size_t length = 0;
    if (napi_get_value_string_utf8(env, values[k], out, room, &length) == napi_ok) return true;
    char message[80];
    snprintf(message, sizeof message, "%s must be a string", name);
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
    return false;
  }

private:
  static constexpr size_t MOST = 4;
  napi_env env;
  napi_value values[MOST] = {};
};

/** A new Uint8Array, and where its bytes are. Null, and an exception, when there is no memory for it. */
inline napi_value new_bytes(napi_env env, size_t length, uint8_t **out) {
  void *memory = nullptr;
  napi_value buffer = nullptr, array = nullptr;
  if (napi_create_arraybuffer(env, length, &memory, &buffer) != napi_ok) return nullptr;
  if (napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &array) != napi_ok) return nullptr;
  *out = static_cast<uint8_t *>(memory);
  return array;
}

} // namespace taogate::sr25519
