// The CUDA solver as part of the addon: an object with devices(), reason(), open(), describe(), search() and close(). Nothing happens before one of them is called.
#include <dlfcn.h>
#include <node_api.h>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>
#include "session.h"

namespace {

using namespace taogate::cuda;

constexpr const char *LIBRARY = "libcuda.so.1";
constexpr const char *DEFAULT_VARIANT = "unrolled";

/** Thrown after an exception is pending in JavaScript, or was made so. */
struct Pending {};

void checked(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) {
    const napi_extended_error_info *info = nullptr;
    napi_get_last_error_info(env, &info);
    napi_throw_error(env, "CUDA_CALL", info && info->error_message ? info->error_message : "the addon was called wrongly");
  }
  throw Pending{};
}

[[noreturn]] void refuse(napi_env env, const std::string &message) {
  napi_throw_type_error(env, "CUDA_ARGUMENT", message.c_str());
  throw Pending{};
}

napi_valuetype typeOf(napi_env env, napi_value value) {
  napi_valuetype type;
  checked(env, napi_typeof(env, value, &type));
  return type;
}

napi_value numberOf(napi_env env, double value) {
  napi_value result;
  checked(env, napi_create_double(env, value, &result));
  return result;
}

napi_value textOf(napi_env env, const std::string &value) {
  napi_value result;
  checked(env, napi_create_string_utf8(env, value.data(), value.size(), &result));
  return result;
}

napi_value listOf(napi_env env, const std::vector<napi_value> &values) {
  napi_value result;
  checked(env, napi_create_array_with_length(env, values.size(), &result));
  for (size_t i = 0; i < values.size(); i++) checked(env, napi_set_element(env, result, uint32_t(i), values[i]));
  return result;
}

void put(napi_env env, napi_value object, const char *name, napi_value value) {
  checked(env, napi_set_named_property(env, object, name, value));
}

std::string readText(napi_env env, napi_value value, const char *name) {
  if (typeOf(env, value) != napi_string) refuse(env, std::string(name) + " has to be a string");
  size_t length = 0;
  checked(env, napi_get_value_string_utf8(env, value, nullptr, 0, &length));
  std::string text(length, '\0');
  checked(env, napi_get_value_string_utf8(env, value, text.data(), length + 1, &length));
  return text;
}

/** An optional text field of an options object, which may be undefined itself. */
std::string readOption(napi_env env, napi_value options, const char *name, const std::string &otherwise) {
  const napi_valuetype type = typeOf(env, options);
  if (type == napi_undefined) return otherwise;
  if (type != napi_object) refuse(env, "options have to be an object");
  napi_value value;
  checked(env, napi_get_named_property(env, options, name, &value));
  return typeOf(env, value) == napi_undefined ? otherwise : readText(env, value, name);
}

double readNumber(napi_env env, napi_value value, const char *name, double least, double most) {
  double number = NAN;
  if (typeOf(env, value) == napi_number) checked(env, napi_get_value_double(env, value, &number));
  if (!(number >= least && number <= most) || number != std::floor(number))
    refuse(env, std::string(name) + " has to be a whole number from " + std::to_string(int64_t(least)) + " to " + std::to_string(int64_t(most)));
  return number;
}

template <typename T>
T *readArray(napi_env env, napi_value value, napi_typedarray_type type, const char *name, size_t *length) {
  bool is = false;
  checked(env, napi_is_typedarray(env, value, &is));
  napi_typedarray_type actual = napi_int8_array;
  void *data = nullptr;
  if (is) checked(env, napi_get_typedarray_info(env, value, &actual, length, &data, nullptr, nullptr));
  if (!is || actual != type) refuse(env, std::string(name) + " has to be a typed array of its kind");
  return static_cast<T *>(data);
}

/** The folder that this addon lies in, with a slash: its images lie beside it. */
std::string ownFolder() {
  Dl_info info{};
  dladdr(reinterpret_cast<void *>(&ownFolder), &info);
  const std::string path = info.dli_fname ? info.dli_fname : "";
  return path.substr(0, path.find_last_of('/') + 1);
}

/** What an open device's handle points to: the session goes when it is closed, the box when the handle is collected. */
struct Box {
  std::unique_ptr<Session> session;
};

Session &sessionOf(napi_env env, napi_value handle) {
  void *data = nullptr;
  if (typeOf(env, handle) == napi_external) checked(env, napi_get_value_external(env, handle, &data));
  if (!data) refuse(env, "the handle has to be one that open() gave");
  Box *box = static_cast<Box *>(data);
  if (!box->session) refuse(env, "the device was closed");
  return *box->session;
}

template <size_t N>
using Arguments = napi_value[N];

/** Wraps a function so that whatever it throws becomes a JavaScript error; missing arguments are undefined. */
template <size_t N, napi_value (*Body)(napi_env, Arguments<N> &)>
napi_value call(napi_env env, napi_callback_info info) {
  try {
    Arguments<N> values;
    size_t count = N;
    checked(env, napi_get_cb_info(env, info, &count, values, nullptr, nullptr));
    return Body(env, values);
  } catch (const Pending &) {
  } catch (const Error &error) {
    napi_throw_error(env, error.code.c_str(), error.what());
  } catch (const std::exception &error) {
    napi_throw_error(env, "CUDA_HOST", error.what());
  }
  return nullptr;
}

napi_value reason(napi_env env, Arguments<1> &arguments) {
  return textOf(env, driverOf(readOption(env, arguments[0], "library", LIBRARY)).reason);
}

napi_value devices(napi_env env, Arguments<1> &arguments) {
  const Driver &driver = driverOf(readOption(env, arguments[0], "library", LIBRARY));
  std::vector<napi_value> list;
  int count = 0;
  if (driver.reason.empty()) TAOGATE_CUDA(driver, cuDeviceGetCount, &count);
  for (int index = 0; index < count; index++) {
    Device device = 0;
    char name[256] = "";
    size_t memory = 0;
    TAOGATE_CUDA(driver, cuDeviceGet, &device, index);
    TAOGATE_CUDA(driver, cuDeviceGetName, name, int(sizeof name), device);
    TAOGATE_CUDA(driver, cuDeviceTotalMem_v2, &memory, device);
    const auto attribute = [&](int which) {
      int value = 0;
      TAOGATE_CUDA(driver, cuDeviceGetAttribute, &value, which, device);
      return numberOf(env, value);
    };
    napi_value object;
    checked(env, napi_create_object(env, &object));
    put(env, object, "index", numberOf(env, index));
    put(env, object, "name", textOf(env, name));
    put(env, object, "computeCapability", listOf(env, {attribute(ATTRIBUTE_MAJOR), attribute(ATTRIBUTE_MINOR)}));
    put(env, object, "multiprocessors", attribute(ATTRIBUTE_MULTIPROCESSORS));
    put(env, object, "memoryBytes", numberOf(env, double(memory)));
    put(env, object, "clockKHz", attribute(ATTRIBUTE_CLOCK_RATE));
    list.push_back(object);
  }
  return listOf(env, list);
}

napi_value open(napi_env env, Arguments<2> &arguments) {
  const Driver &driver = driverOf(readOption(env, arguments[1], "library", LIBRARY));
  const int index = int(readNumber(env, arguments[0], "device", 0, 1023));
  const std::string variant = readOption(env, arguments[1], "variant", DEFAULT_VARIANT);
  const std::string image = readOption(env, arguments[1], "image", "");
  if (!driver.reason.empty()) throw Error("CUDA_NO_DRIVER", driver.reason);
  const std::vector<std::string> images =
      image.empty() ? std::vector<std::string>{ownFolder() + "cuda/pow.fatbin", ownFolder() + "../cuda/pow.ptx"} : std::vector<std::string>{image};
  auto box = std::make_unique<Box>();
  box->session = std::make_unique<Session>(driver, index, variant, images);
  napi_value handle;
  checked(env, napi_create_external(env, box.get(), [](napi_env, void *data, void *) { delete static_cast<Box *>(data); }, nullptr, &handle));
  box.release();
  return handle;
}

napi_value describe(napi_env env, Arguments<1> &arguments) {
  const Session &session = sessionOf(env, arguments[0]);
  napi_value object;
  checked(env, napi_create_object(env, &object));
  put(env, object, "image", textOf(env, session.image()));
  put(env, object, "blocks", numberOf(env, session.blocks()));
  put(env, object, "threads", numberOf(env, double(session.blocks()) * BLOCK_THREADS));
  put(env, object, "registers", numberOf(env, session.registers()));
  put(env, object, "localBytes", numberOf(env, session.localBytes()));
  return object;
}

/** (handle, preimage, littleEndian, limit, high, from, count, control, epoch, hits) -> [tried, hits] */
napi_value search(napi_env env, Arguments<10> &arguments) {
  Session &session = sessionOf(env, arguments[0]);
  if (session.broken()) refuse(env, "an earlier error left the device unusable: close it and open it again");
  Search what{};
  size_t length = 0;
  what.preimage = readArray<uint8_t>(env, arguments[1], napi_uint8_array, "preimage", &length);
  if (length != 32) refuse(env, "preimage has to be 32 bytes");
  if (typeOf(env, arguments[2]) != napi_boolean) refuse(env, "littleEndian has to be true or false");
  checked(env, napi_get_value_bool(env, arguments[2], &what.littleEndian));
  bool lossless = false;
  if (typeOf(env, arguments[3]) == napi_bigint) checked(env, napi_get_value_bigint_uint64(env, arguments[3], &what.limit, &lossless));
  if (!lossless) refuse(env, "limit has to be a bigint of 64 bits");
  what.high = uint32_t(readNumber(env, arguments[4], "high", 0, 4294967295.0));
  what.from = uint64_t(readNumber(env, arguments[5], "from", 0, 4294967295.0));
  what.count = uint64_t(readNumber(env, arguments[6], "count", 0, 4294967296.0 - double(what.from)));
  what.control = readArray<int32_t>(env, arguments[7], napi_int32_array, "control", &length);
  if (length < 1) refuse(env, "control has to have an element");
  what.epoch = int32_t(readNumber(env, arguments[8], "epoch", -2147483648.0, 2147483647.0));
  what.hits = readArray<uint32_t>(env, arguments[9], napi_uint32_array, "hits", &what.capacity);
  const Outcome outcome = session.search(what);
  return listOf(env, {numberOf(env, double(outcome.tried)), numberOf(env, double(outcome.hits))});
}

/** Waits for what is under way, which stops at once, and gives the device back. Closing twice is no error. */
napi_value close(napi_env env, Arguments<1> &arguments) {
  void *data = nullptr;
  if (typeOf(env, arguments[0]) == napi_external) checked(env, napi_get_value_external(env, arguments[0], &data));
  if (!data) refuse(env, "the handle has to be one that open() gave");
  static_cast<Box *>(data)->session.reset();
  napi_value nothing;
  checked(env, napi_get_undefined(env, &nothing));
  return nothing;
}

}  // namespace

napi_value taogate_cuda(napi_env env) {
  const napi_property_descriptor functions[] = {
      {"reason", nullptr, call<1, reason>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"devices", nullptr, call<1, devices>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"open", nullptr, call<2, open>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"describe", nullptr, call<1, describe>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"search", nullptr, call<10, search>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"close", nullptr, call<1, close>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok) return nullptr;
  if (napi_define_properties(env, object, sizeof functions / sizeof functions[0], functions) != napi_ok) return nullptr;
  return object;
}
