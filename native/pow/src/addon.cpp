// The face of the solvers in JavaScript. See `PowAddon` in src/pow-service/solver for the types.
#include "arguments.hpp"
#include "seal.hpp"
#include "search.hpp"
#include <cstring>
#include <node_api.h>

#ifdef POW_CUDA
/** The CUDA part of the addon, or null. */
napi_value taogate_cuda(napi_env env);
#endif

namespace taogate {
namespace {

/** Of what this addon exports; the service refuses another. */
constexpr int CONTRACT_VERSION = 2;

void append_name(napi_env env, napi_value names, const Kernel &kernel) {
  uint32_t length = 0;
  napi_value name = nullptr;
  napi_get_array_length(env, names, &length);
  napi_create_string_utf8(env, kernel.name, NAPI_AUTO_LENGTH, &name);
  napi_set_element(env, names, length, name);
}

/** The kernel or form that the first argument names; null where there is none, and an exception. */
const Kernel *kernel_of(Arguments &given) {
  char name[32];
  if (!given.text(0, "kernel", name, sizeof name)) return nullptr;
  const Kernel *kernel = find_kernel(name);
  if (!kernel) given.refuse("kernel", "is none that this processor can run; kernels() and forms() list them");
  return kernel;
}

napi_value call_kernels(napi_env env, napi_callback_info) {
  const Kernel *usable[MAX_KERNELS];
  const size_t count = usable_kernels(usable);
  napi_value names = nullptr;
  napi_create_array(env, &names);
  for (size_t k = 0; k < count; k++) append_name(env, names, *usable[k]);
  return names;
}

napi_value call_forms(napi_env env, napi_callback_info info) {
  Arguments given(env, info, "forms");
  const Kernel *kernel = kernel_of(given);
  if (!kernel) return nullptr;
  napi_value names = nullptr;
  napi_create_array(env, &names);
  for (size_t k = 0; k < kernel->form_count; k++) append_name(env, names, kernel->forms[k]);
  return names;
}

napi_value call_search(napi_env env, napi_callback_info info) {
  Arguments given(env, info, "search");
  Job job;
  const Kernel *kernel = kernel_of(given);
  if (!kernel) return nullptr;
  int64_t high, from, count, epoch;
  size_t controls;
  int32_t *control;
  if (!given.bytes(1, "preimage", 32, &job.preimage)) return nullptr;
  if (!given.boolean(2, "littleEndian", &job.little)) return nullptr;
  if (!given.u64(3, "limit", &job.limit)) return nullptr;
  if (!given.integer(4, "high", 0, UINT32_MAX, &high)) return nullptr;
  if (!given.integer(5, "from", 0, UINT32_MAX, &from)) return nullptr;
  if (!given.integer(6, "count", 0, (int64_t)UINT32_MAX + 1 - from, &count)) return nullptr;
  if (!given.array(7, "control", napi_int32_array, "an Int32Array", (void **)&control, &controls)) return nullptr;
  if (!given.integer(8, "epoch", INT32_MIN, INT32_MAX, &epoch)) return nullptr;
  if (!given.array(9, "hits", napi_uint32_array, "a Uint32Array", (void **)&job.hits, &job.room)) return nullptr;
  job.high = (uint32_t)high;
  job.from = (uint32_t)from;
  job.count = (uint64_t)count;
  job.control = control;
  job.epoch = (int32_t)epoch;

  const Outcome outcome = search(*kernel, job);
  napi_value pair = nullptr, tried = nullptr, found = nullptr;
  napi_create_array_with_length(env, 2, &pair);
  napi_create_int64(env, (int64_t)outcome.tried, &tried);
  napi_create_uint32(env, (uint32_t)outcome.found, &found);
  napi_set_element(env, pair, 0, tried);
  napi_set_element(env, pair, 1, found);
  return pair;
}

napi_value call_seal(napi_env env, napi_callback_info info) {
  Arguments given(env, info, "seal");
  const uint8_t *preimage;
  uint64_t nonce;
  if (!given.bytes(0, "preimage", 32, &preimage) || !given.u64(1, "nonce", &nonce)) return nullptr;
  void *bytes = nullptr;
  napi_value buffer = nullptr, array = nullptr;
  if (napi_create_arraybuffer(env, 32, &bytes, &buffer) != napi_ok) return nullptr;
  seal(preimage, nonce, (uint8_t *)bytes);
  napi_create_typedarray(env, napi_uint8_array, 32, buffer, 0, &array);
  return array;
}

void export_function(napi_env env, napi_value exports, const char *name, napi_callback callback) {
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  napi_set_named_property(env, exports, name, function);
}

} // namespace
} // namespace taogate

NAPI_MODULE_INIT() {
  using namespace taogate;
  napi_value version = nullptr, cuda = nullptr;
  napi_create_int32(env, CONTRACT_VERSION, &version);
  napi_set_named_property(env, exports, "version", version);
  export_function(env, exports, "kernels", call_kernels);
  export_function(env, exports, "forms", call_forms);
  export_function(env, exports, "search", call_search);
  export_function(env, exports, "seal", call_seal);
#ifdef POW_CUDA
  cuda = taogate_cuda(env);
#endif
  if (!cuda) napi_get_null(env, &cuda);
  napi_set_named_property(env, exports, "cuda", cuda);
  return exports;
}
