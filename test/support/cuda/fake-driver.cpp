// A CUDA driver for tests: the entry points that native/pow/cuda/driver.h asks for, with streams as threads and the generated kernels run on the processor.
// What it is to be is read when it starts from `settings` beside the library, words of a line: `devices N`, `multiprocessors N`,
// `fail CALL RESULT AFTER` (the call gives that result once it was made AFTER times), `text-only` (no machine code for this device). Calls, all but
// the endless cuEventQuery, go to `calls` beside it.
#include <dlfcn.h>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include "driver.h"
#include "host-kernel.h"
#include "pow.h"

using namespace taogate::cuda;

namespace {

struct Settings {
  int devices = 1;
  int multiprocessors = 2;
  bool textOnly = false;
  std::map<std::string, std::pair<Result, int>> failures;
};

std::mutex mutex;
Settings settings;
FILE *calls = nullptr;
int contexts[16];

std::string beside(const char *name) {
  Dl_info info{};
  dladdr(reinterpret_cast<void *>(&beside), &info);
  const std::string path = info.dli_fname;
  return path.substr(0, path.find_last_of('/') + 1) + name;
}

void start() {
  std::ifstream file(beside("settings"));
  std::string line, word;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    words >> word;
    if (word == "devices") words >> settings.devices;
    else if (word == "multiprocessors") words >> settings.multiprocessors;
    else if (word == "text-only") settings.textOnly = true;
    else if (word == "fail") {
      std::string call;
      words >> call;
      words >> settings.failures[call].first >> settings.failures[call].second;
    }
  }
  calls = fopen(beside("calls").c_str(), "a");
}

/** Writes the call down and says whether it is to fail. */
Result called(const char *name, const std::string &more = "") {
  std::lock_guard<std::mutex> lock(mutex);
  if (!calls) start();
  if (strcmp(name, "cuEventQuery") != 0) fprintf(calls, "%s%s%s\n", name, more.empty() ? "" : " ", more.c_str());
  fflush(calls);
  const auto failure = settings.failures.find(name);
  if (failure == settings.failures.end() || failure->second.second-- > 0) return SUCCESS;
  return failure->second.first;
}

}  // namespace

namespace taogate::cuda {

struct ContextOf {
  int device;
};
struct ModuleOf {
  std::string text;
};
struct FunctionOf {
  const HostKernel *kernel;
};
struct EventOf {
  bool done = true;
};

/** Work of a stream, in order, on a thread of its own. */
struct StreamOf {
  std::mutex lock;
  std::condition_variable changed;
  std::deque<std::function<void()>> waiting;
  bool busy = false, ended = false;
  int number;
  std::thread thread;

  explicit StreamOf(int number_) : number(number_), thread([this] { run(); }) {}
  ~StreamOf() {
    {
      std::lock_guard<std::mutex> hold(lock);
      ended = true;
    }
    changed.notify_all();
    thread.join();
  }
  void add(std::function<void()> work) {
    std::lock_guard<std::mutex> hold(lock);
    waiting.push_back(std::move(work));
    changed.notify_all();
  }
  void wait() {
    std::unique_lock<std::mutex> hold(lock);
    changed.wait(hold, [this] { return waiting.empty() && !busy; });
  }
  void run() {
    std::unique_lock<std::mutex> hold(lock);
    for (;;) {
      changed.wait(hold, [this] { return ended || !waiting.empty(); });
      if (waiting.empty()) return;
      const auto work = std::move(waiting.front());
      waiting.pop_front();
      busy = true;
      hold.unlock();
      work();
      hold.lock();
      busy = false;
      changed.notify_all();
    }
  }
};

}  // namespace taogate::cuda

namespace {

ContextOf deviceContexts[16];
thread_local ContextOf *current = nullptr;
int streams = 0;
constexpr Result INVALID_CONTEXT = 201;
constexpr Result INVALID_DEVICE = 101;

/** Calls that need a current context. */
Result inContext(const char *name, const std::string &more = "") {
  const Result result = called(name, more);
  return result != SUCCESS ? result : current ? SUCCESS : INVALID_CONTEXT;
}

}  // namespace

#define CALL(name) extern "C" Result name
#define IF_RIGHT(result) \
  if (const Result bad = (result)) return bad

CALL(cuInit)(unsigned) { return called("cuInit"); }

CALL(cuGetErrorName)(Result result, const char **name) {
  static const std::map<Result, const char *> names = {{100, "CUDA_ERROR_NO_DEVICE"},      {101, "CUDA_ERROR_INVALID_DEVICE"}, {201, "CUDA_ERROR_INVALID_CONTEXT"},
                                                       {209, "CUDA_ERROR_NO_BINARY_FOR_GPU"}, {500, "CUDA_ERROR_NOT_FOUND"},      {719, "CUDA_ERROR_LAUNCH_FAILED"}};
  const auto found = names.find(result);
  *name = found == names.end() ? nullptr : found->second;
  return found == names.end() ? 1 : SUCCESS;
}

CALL(cuGetErrorString)(Result, const char **words) {
  *words = "as the test wants it";
  return SUCCESS;
}

CALL(cuDeviceGetCount)(int *count) {
  IF_RIGHT(called("cuDeviceGetCount"));
  *count = settings.devices;
  return SUCCESS;
}

CALL(cuDeviceGet)(Device *device, int index) {
  IF_RIGHT(called("cuDeviceGet"));
  if (index >= settings.devices) return INVALID_DEVICE;
  *device = index;
  return SUCCESS;
}

CALL(cuDeviceGetName)(char *name, int room, Device device) {
  snprintf(name, size_t(room), "Fake %d", device);
  return called("cuDeviceGetName");
}

CALL(cuDeviceTotalMem_v2)(size_t *bytes, Device) {
  *bytes = size_t(1) << 36;
  return called("cuDeviceTotalMem");
}

CALL(cuDeviceGetAttribute)(int *value, int attribute, Device) {
  const std::map<int, int> values = {{13, 1980000}, {16, settings.multiprocessors}, {75, 9}, {76, 0}};
  *value = values.at(attribute);
  return called("cuDeviceGetAttribute");
}

CALL(cuDevicePrimaryCtxRetain)(Context *context, Device device) {
  IF_RIGHT(called("cuDevicePrimaryCtxRetain", std::to_string(device)));
  contexts[device]++;
  deviceContexts[device].device = device;
  *context = &deviceContexts[device];
  return SUCCESS;
}

CALL(cuDevicePrimaryCtxRelease_v2)(Device device) {
  contexts[device]--;
  return called("cuDevicePrimaryCtxRelease", std::to_string(device));
}

CALL(cuCtxPushCurrent_v2)(Context context) {
  IF_RIGHT(called("cuCtxPushCurrent"));
  current = context;
  return SUCCESS;
}

CALL(cuCtxPopCurrent_v2)(Context *context) {
  *context = current;
  current = nullptr;
  return called("cuCtxPopCurrent");
}

CALL(cuModuleLoadDataEx)(Module *module, const void *image, unsigned, int *, void **) {
  const std::string text = static_cast<const char *>(image);
  IF_RIGHT(inContext("cuModuleLoadDataEx"));
  if (settings.textOnly && text.find(".version") == std::string::npos) return NO_BINARY_FOR_GPU;
  *module = new ModuleOf{text};
  return SUCCESS;
}

CALL(cuModuleUnload)(Module module) {
  delete module;
  return inContext("cuModuleUnload");
}

CALL(cuModuleGetFunction)(Function *function, Module module, const char *name) {
  IF_RIGHT(inContext("cuModuleGetFunction"));
  if (module->text.find(name) == std::string::npos) return NOT_FOUND;
  for (const HostKernel &kernel : HOST_KERNELS) {
    if (std::string("taogate_pow_") + kernel.variant + "_" + SOURCE_HASH == name) {
      *function = new FunctionOf{&kernel};
      return SUCCESS;
    }
  }
  return NOT_FOUND;
}

CALL(cuFuncGetAttribute)(int *value, int attribute, Function) {
  *value = attribute == FUNCTION_REGISTERS ? 72 : 0;
  return inContext("cuFuncGetAttribute");
}

CALL(cuOccupancyMaxActiveBlocksPerMultiprocessor)(int *blocks, Function, int, size_t) {
  *blocks = 1;
  return inContext("cuOccupancyMaxActiveBlocksPerMultiprocessor");
}

CALL(cuMemHostAlloc)(void **memory, size_t bytes, unsigned) {
  IF_RIGHT(inContext("cuMemHostAlloc"));
  *memory = calloc(1, bytes);
  return SUCCESS;
}

CALL(cuMemHostGetDevicePointer_v2)(DevicePointer *pointer, void *memory, unsigned) {
  *pointer = reinterpret_cast<DevicePointer>(memory);
  return inContext("cuMemHostGetDevicePointer");
}

CALL(cuMemFreeHost)(void *memory) {
  free(memory);
  return inContext("cuMemFreeHost");
}

CALL(cuStreamCreate)(Stream *stream, unsigned) {
  IF_RIGHT(inContext("cuStreamCreate"));
  *stream = new StreamOf(streams++);
  return SUCCESS;
}

CALL(cuStreamSynchronize)(Stream stream) {
  stream->wait();
  return inContext("cuStreamSynchronize");
}

CALL(cuStreamDestroy_v2)(Stream stream) {
  delete stream;
  return inContext("cuStreamDestroy");
}

CALL(cuEventCreate)(Event *event, unsigned) {
  IF_RIGHT(inContext("cuEventCreate"));
  *event = new EventOf();
  return SUCCESS;
}

CALL(cuEventRecord)(Event event, Stream stream) {
  IF_RIGHT(inContext("cuEventRecord"));
  __atomic_store_n(&event->done, false, __ATOMIC_SEQ_CST);
  stream->add([event] { __atomic_store_n(&event->done, true, __ATOMIC_SEQ_CST); });
  return SUCCESS;
}

CALL(cuEventQuery)(Event event) {
  IF_RIGHT(inContext("cuEventQuery"));
  return __atomic_load_n(&event->done, __ATOMIC_SEQ_CST) ? SUCCESS : NOT_READY;
}

CALL(cuEventDestroy_v2)(Event event) {
  delete event;
  return inContext("cuEventDestroy");
}

CALL(cuLaunchKernel)
(Function function, unsigned grid, unsigned, unsigned, unsigned block, unsigned, unsigned, unsigned, Stream stream, void **parameters, void **) {
  const Launch launch = *static_cast<const Launch *>(parameters[0]);
  const std::string device = std::to_string(current ? current->device : -1);
  IF_RIGHT(inContext("cuLaunchKernel", device + " " + std::to_string(stream->number) + " " + std::to_string(grid) + " " + std::to_string(launch.count)));
  stream->add([=] { function->kernel->run(&launch, grid, block); });
  return SUCCESS;
}
