// The CUDA driver, loaded at run time. Only what the solver calls is declared here, after the public documentation of the driver API,
// so that neither a toolkit nor a GPU is needed to build the addon: a machine without the library has no devices, and a reason why.
#pragma once
#include <dlfcn.h>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

namespace taogate::cuda {

using Result = int;
using Device = int;
using DevicePointer = unsigned long long;
using Context = struct ContextOf *;
using Module = struct ModuleOf *;
using Function = struct FunctionOf *;
using Stream = struct StreamOf *;
using Event = struct EventOf *;

constexpr Result SUCCESS = 0;
constexpr Result NO_BINARY_FOR_GPU = 209;
constexpr Result NOT_FOUND = 500;
constexpr Result NOT_READY = 600;

constexpr int ATTRIBUTE_CLOCK_RATE = 13;
constexpr int ATTRIBUTE_MULTIPROCESSORS = 16;
constexpr int ATTRIBUTE_MAJOR = 75;
constexpr int ATTRIBUTE_MINOR = 76;
constexpr int FUNCTION_LOCAL_BYTES = 3;
constexpr int FUNCTION_REGISTERS = 4;
constexpr int JIT_ERROR_LOG = 5;
constexpr int JIT_ERROR_LOG_BYTES = 6;
constexpr unsigned STREAM_NON_BLOCKING = 1;
constexpr unsigned EVENT_NO_TIMING = 2;
constexpr unsigned HOST_PORTABLE = 1;
constexpr unsigned HOST_MAPPED = 2;

// The names of the entry points as the library exports them; those with _v2 have had that name since CUDA 4.
#define TAOGATE_CUDA_CALLS(X)                                                                                        \
  X(cuInit, unsigned)                                                                                                \
  X(cuGetErrorName, Result, const char **)                                                                           \
  X(cuGetErrorString, Result, const char **)                                                                         \
  X(cuDeviceGetCount, int *)                                                                                         \
  X(cuDeviceGet, Device *, int)                                                                                      \
  X(cuDeviceGetName, char *, int, Device)                                                                            \
  X(cuDeviceTotalMem_v2, size_t *, Device)                                                                           \
  X(cuDeviceGetAttribute, int *, int, Device)                                                                        \
  X(cuDevicePrimaryCtxRetain, Context *, Device)                                                                     \
  X(cuDevicePrimaryCtxRelease_v2, Device)                                                                            \
  X(cuCtxPushCurrent_v2, Context)                                                                                    \
  X(cuCtxPopCurrent_v2, Context *)                                                                                   \
  X(cuModuleLoadDataEx, Module *, const void *, unsigned, int *, void **)                                            \
  X(cuModuleUnload, Module)                                                                                          \
  X(cuModuleGetFunction, Function *, Module, const char *)                                                           \
  X(cuFuncGetAttribute, int *, int, Function)                                                                        \
  X(cuOccupancyMaxActiveBlocksPerMultiprocessor, int *, Function, int, size_t)                                       \
  X(cuMemHostAlloc, void **, size_t, unsigned)                                                                       \
  X(cuMemHostGetDevicePointer_v2, DevicePointer *, void *, unsigned)                                                 \
  X(cuMemFreeHost, void *)                                                                                           \
  X(cuStreamCreate, Stream *, unsigned)                                                                              \
  X(cuStreamSynchronize, Stream)                                                                                     \
  X(cuStreamDestroy_v2, Stream)                                                                                      \
  X(cuEventCreate, Event *, unsigned)                                                                                \
  X(cuEventRecord, Event, Stream)                                                                                    \
  X(cuEventQuery, Event)                                                                                             \
  X(cuEventDestroy_v2, Event)                                                                                        \
  X(cuLaunchKernel, Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Stream, void **, void **)

/** A driver call that failed: what() names the call, the driver's name of the error and its words; code is that name alone. */
struct Error : std::runtime_error {
  std::string code;
  Error(std::string code_, const std::string &message) : std::runtime_error(message), code(std::move(code_)) {}
};

struct Driver {
#define X(name, ...) Result (*name)(__VA_ARGS__) = nullptr;
  TAOGATE_CUDA_CALLS(X)
#undef X
  /** Why there are no devices; empty when there may be some. */
  std::string reason;

  std::string errorName(Result result) const {
    const char *name = nullptr;
    if (cuGetErrorName && cuGetErrorName(result, &name) == SUCCESS && name) return name;
    return "CUDA_ERROR_" + std::to_string(result);
  }

  std::string describe(const char *call, Result result) const {
    const char *words = nullptr;
    if (cuGetErrorString && cuGetErrorString(result, &words) != SUCCESS) words = nullptr;
    return std::string(call) + ": " + errorName(result) + (words ? std::string(" (") + words + ")" : "");
  }

  void check(const char *call, Result result, const std::string &more = "") const {
    if (result != SUCCESS) throw Error(errorName(result), describe(call, result) + more);
  }
};

#define TAOGATE_CUDA(driver, call, ...) (driver).check(#call, (driver).call(__VA_ARGS__))

/**
 * The driver in the library of this name (a path, or a name that the dynamic linker finds). Loaded and started once a process and name,
 * never unloaded: the driver does not survive that. Never throws; see `reason`.
 */
inline const Driver &driverOf(const std::string &library) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<Driver>> loaded;
  std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<Driver> &entry = loaded[library];
  if (entry) return *entry;
  entry = std::make_unique<Driver>();
  Driver &driver = *entry;
  void *handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *words = dlerror();
    driver.reason = "no CUDA driver: " + std::string(words ? words : library.c_str());
    return driver;
  }
#define X(name, ...)                                                              \
  driver.name = reinterpret_cast<Result (*)(__VA_ARGS__)>(dlsym(handle, #name)); \
  if (!driver.name && driver.reason.empty()) driver.reason = "the CUDA driver is too old or not one: " + library + " has no " #name;
  TAOGATE_CUDA_CALLS(X)
#undef X
  if (!driver.reason.empty()) return driver;
  const Result result = driver.cuInit(0);
  if (result != SUCCESS) driver.reason = driver.describe("cuInit", result);
  return driver;
}

/** Makes a context current on this thread for as long as it lives. */
class Current {
 public:
  Current(const Driver &driver, Context context) : driver_(driver) { TAOGATE_CUDA(driver, cuCtxPushCurrent_v2, context); }
  ~Current() {
    Context popped;
    driver_.cuCtxPopCurrent_v2(&popped);
  }
  Current(const Current &) = delete;
  Current &operator=(const Current &) = delete;

 private:
  const Driver &driver_;
};

}  // namespace taogate::cuda
