// Reads a call's arguments. A reader that returns false has left a TypeError or RangeError that names the argument.
#pragma once
#include <cstdint>
#include <cstdio>
#include <node_api.h>

namespace taogate {

class Arguments {
public:
  Arguments(napi_env env, napi_callback_info info, const char *function) : env(env), function(function) {
    // What is missing reads as undefined, which no reader takes.
    size_t room = MOST;
    napi_get_cb_info(env, info, &room, values, nullptr, nullptr);
  }

  bool text(size_t k, const char *name, char *out, size_t room) {
    size_t length = 0;
    if (napi_get_value_string_utf8(env, values[k], out, room, &length) == napi_ok) return true;
    return fail(name, "must be a string");
  }

  bool boolean(size_t k, const char *name, bool *out) {
    return napi_get_value_bool(env, values[k], out) == napi_ok || fail(name, "must be a boolean");
  }

  bool u64(size_t k, const char *name, uint64_t *out) {
    bool lossless = false;
    if (napi_get_value_bigint_uint64(env, values[k], out, &lossless) != napi_ok) return fail(name, "must be a bigint");
    return lossless || fail(name, "must be from 0 to 2^64 - 1", true);
  }

  bool integer(size_t k, const char *name, int64_t least, int64_t most, int64_t *out) {
    double value = 0;
    if (napi_get_value_double(env, values[k], &value) != napi_ok) return fail(name, "must be a number");
    char wanted[80];
    snprintf(wanted, sizeof wanted, "must be an integer from %lld to %lld", (long long)least, (long long)most);
    // Written so that NaN fails; all bounds are well below 2^53.
    if (!(value >= (double)least && value <= (double)most) || value != (double)(int64_t)value) return fail(name, wanted, true);
    *out = (int64_t)value;
    return true;
  }

  bool bytes(size_t k, const char *name, size_t length, const uint8_t **out) {
    char wanted[40];
    snprintf(wanted, sizeof wanted, "must be a Uint8Array of %zu bytes", length);
    napi_typedarray_type type;
    size_t elements = 0;
    if (!view(k, &type, &elements, (void **)out) || type != napi_uint8_array || elements != length) return fail(name, wanted);
    return true;
  }

  /** Of at least one element. Its memory may be shared between threads. */
  bool array(size_t k, const char *name, napi_typedarray_type wanted, const char *called, void **out, size_t *elements) {
    char text[60];
    snprintf(text, sizeof text, "must be %s that is not empty", called);
    napi_typedarray_type type;
    return (view(k, &type, elements, out) && type == wanted && *elements > 0) || fail(name, text);
  }

  /** For what a reader takes and the function does not. */
  void refuse(const char *name, const char *wanted) { fail(name, wanted, true); }

private:
  static constexpr size_t MOST = 10;
  napi_env env;
  const char *function;
  napi_value values[MOST] = {};

  bool view(size_t k, napi_typedarray_type *type, size_t *elements, void **data) {
    bool is = false;
    if (napi_is_typedarray(env, values[k], &is) != napi_ok || !is) return false;
    return napi_get_typedarray_info(env, values[k], type, elements, data, nullptr, nullptr) == napi_ok;
  }

  bool fail(const char *name, const char *wanted, bool range = false) {
    char message[160];
    snprintf(message, sizeof message, "%s: %s %s", function, name, wanted);
    if (range) napi_throw_range_error(env, "ERR_OUT_OF_RANGE", message);
    else napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
    return false;
  }
};

} // namespace taogate
