// One opened device: its image, its stream pair and the launches under way. A session belongs to the thread that opened it.
#pragma once
#include <time.h>
#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>
#include "driver.h"
#include "pow.h"

namespace taogate::cuda {

constexpr unsigned BLOCK_THREADS = 128;
/** Nonces a thread in a full launch: some 10 ms of work on a large GPU, so that two queued launches hide the host, and hits come soon. */
constexpr uint32_t NONCES_PER_THREAD = 256;
constexpr size_t STREAMS = 2;
/** Twice the streams: launches that were left behind drain in two while the next search fills the other two. */
constexpr size_t SLOTS = 2 * STREAMS;
constexpr uint32_t RING_ENTRIES = 4096;
/** Between two looks at the launches and the control word; at the end of a search, when nothing waits behind the launch looked at, sooner. */
constexpr long POLL_NANOSECONDS = 300'000;
constexpr long LAST_POLL_NANOSECONDS = 30'000;

/** Candidates of one launch, in host memory that the device writes. `found` goes on counting when the ring is full. */
struct Ring {
  uint32_t found;
  uint32_t low[RING_ENTRIES];
};

struct Search {
  const uint8_t *preimage;
  bool littleEndian;
  uint64_t limit;
  uint32_t high;
  uint64_t from;
  uint64_t count;
  const volatile int32_t *control;
  int32_t epoch;
  uint32_t *hits;
  size_t capacity;
};

struct Outcome {
  uint64_t tried;
  size_t hits;
};

inline std::string fileText(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return file ? std::string(std::istreambuf_iterator<char>(file), {}) : std::string();
}

class Session {
 public:
  /** @param images files to try in turn: the next one when the driver finds nothing in this one for the device, or another kernel. */
  Session(const Driver &driver, int index, const std::string &variant, const std::vector<std::string> &images) : driver_(driver) {
    TAOGATE_CUDA(driver_, cuDeviceGet, &device_, index);
    TAOGATE_CUDA(driver_, cuDevicePrimaryCtxRetain, &context_, device_);
    try {
      Current current(driver_, context_);
      load(images, variant);
      allocate();
    } catch (...) {
      close();
      throw;
    }
  }
  ~Session() { close(); }
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  const std::string &image() const { return image_; }
  unsigned blocks() const { return blocks_; }
  int registers() const { return registers_; }
  int localBytes() const { return localBytes_; }

  /**
   * Same meaning as the search on the CPU: candidates come in rising order, and `tried` counts the nonces from the first one on without a gap.
   * Launches that a new epoch stopped count for nothing. Throws Error; the session is of no use after that.
   */
  Outcome search(const Search &what) {
    Current current(driver_, context_);
    Outcome outcome{0, 0};
    if (what.capacity == 0) return outcome;
    Launch launch{};
    prepare(what.preimage, what.high, launch);
    launch.limit = what.limit;
    launch.epochWord = epochOnDevice_;
    launch.epoch = *epochWord_;
    launch.capacity = RING_ENTRIES;
    launch.littleEndian = what.littleEndian;
    uint64_t largest = uint64_t(blocks_) * BLOCK_THREADS * NONCES_PER_THREAD;
    uint64_t next = 0;
    std::vector<Slot *> queued;
    try {
      while (outcome.tried < what.count && *what.control == what.epoch) {
        while (queued.size() < STREAMS && next < what.count) {
          Slot *slot = freeSlot();
          if (!slot) break;
          slot->first = next;
          slot->count = std::min(largest, what.count - next);
          start(*slot, launch, uint32_t(what.from + next));
          queued.push_back(slot);
          next += slot->count;
        }
        if (queued.empty() || !isDone(*queued.front())) {
          const timespec pause{0, next < what.count ? POLL_NANOSECONDS : LAST_POLL_NANOSECONDS};
          nanosleep(&pause, nullptr);
          continue;
        }
        Slot &slot = *queued.front();
        queued.erase(queued.begin());
        slot.state = Slot::IDLE;
        if (slot.ring->found > RING_ENTRIES) {
          // Too many to keep: this stretch again, in launches that cannot find more than the ring holds.
          largest = RING_ENTRIES;
          next = slot.first;
          leave(queued);
          launch.epoch = *epochWord_;
          continue;
        }
        outcome.tried = slot.first + slot.count;
        std::sort(slot.ring->low, slot.ring->low + slot.ring->found);
        for (uint32_t i = 0; i < slot.ring->found && outcome.hits < what.capacity; i++) {
          what.hits[outcome.hits++] = slot.ring->low[i];
          if (outcome.hits == what.capacity) outcome.tried = slot.ring->low[i] - what.from + 1;
        }
        if (outcome.hits == what.capacity) break;
      }
      leave(queued);
    } catch (...) {
      broken_ = true;
      throw;
    }
    return outcome;
  }

  bool broken() const { return broken_; }

 private:
  struct Slot {
    Ring *ring = nullptr;
    DevicePointer onDevice = 0;
    Event done = nullptr;
    Stream stream = nullptr;
    /** Idle; waited for by the search; or left behind by one, to be idle once it has drained. */
    enum { IDLE, WAITED_FOR, LEFT } state = IDLE;
    uint64_t first = 0;
    uint64_t count = 0;
  };

  void load(const std::vector<std::string> &images, const std::string &variant) {
    std::string passed;
    for (const std::string &path : images) {
      const std::string bytes = fileText(path);
      if (bytes.empty()) {
        passed += "; no file " + path;
        continue;
      }
      char log[2048] = "";
      int options[] = {JIT_ERROR_LOG, JIT_ERROR_LOG_BYTES};
      void *values[] = {log, reinterpret_cast<void *>(sizeof log)};
      // The text form is read up to a zero byte, which std::string has at its end.
      const Result loaded = driver_.cuModuleLoadDataEx(&module_, bytes.data(), 2, options, values);
      if (loaded == NO_BINARY_FOR_GPU) {
        passed += "; " + path + ": no code for this device";
        continue;
      }
      driver_.check("cuModuleLoadDataEx", loaded, " in " + path + (log[0] ? std::string(": ") + log : ""));
      // The names carry the hash of the source, so an image left over from other constants is not taken.
      const std::string name = "taogate_pow_" + variant + "_" + SOURCE_HASH;
      const Result found = driver_.cuModuleGetFunction(&function_, module_, name.c_str());
      if (found == SUCCESS) {
        image_ = path;
        return;
      }
      if (found != NOT_FOUND) driver_.check("cuModuleGetFunction", found);
      driver_.cuModuleUnload(module_);
      module_ = nullptr;
      passed += "; " + path + ": made from another source, or without the variant '" + variant + "'";
    }
    throw Error("CUDA_NO_IMAGE", "no image of the kernel for this device" + passed);
  }

  void allocate() {
    int multiprocessors = 0, resident = 0;
    TAOGATE_CUDA(driver_, cuDeviceGetAttribute, &multiprocessors, ATTRIBUTE_MULTIPROCESSORS, device_);
    TAOGATE_CUDA(driver_, cuOccupancyMaxActiveBlocksPerMultiprocessor, &resident, function_, BLOCK_THREADS, 0);
    TAOGATE_CUDA(driver_, cuFuncGetAttribute, &registers_, FUNCTION_REGISTERS, function_);
    TAOGATE_CUDA(driver_, cuFuncGetAttribute, &localBytes_, FUNCTION_LOCAL_BYTES, function_);
    if (multiprocessors < 1 || resident < 1) throw Error("CUDA_NO_ROOM", "no block of the kernel fits on a multiprocessor of this device");
    blocks_ = unsigned(multiprocessors) * unsigned(resident);
    void *word = nullptr;
    TAOGATE_CUDA(driver_, cuMemHostAlloc, &word, sizeof(uint32_t), HOST_MAPPED | HOST_PORTABLE);
    epochWord_ = static_cast<volatile uint32_t *>(word);
    *epochWord_ = 1;
    TAOGATE_CUDA(driver_, cuMemHostGetDevicePointer_v2, &epochOnDevice_, word, 0);
    for (Stream &stream : streams_) TAOGATE_CUDA(driver_, cuStreamCreate, &stream, STREAM_NON_BLOCKING);
    for (size_t i = 0; i < SLOTS; i++) {
      Slot &slot = slots_[i];
      slot.stream = streams_[i % STREAMS];
      void *ring = nullptr;
      TAOGATE_CUDA(driver_, cuMemHostAlloc, &ring, sizeof(Ring), HOST_MAPPED | HOST_PORTABLE);
      slot.ring = static_cast<Ring *>(ring);
      TAOGATE_CUDA(driver_, cuMemHostGetDevicePointer_v2, &slot.onDevice, ring, 0);
      TAOGATE_CUDA(driver_, cuEventCreate, &slot.done, EVENT_NO_TIMING);
    }
  }

  void start(Slot &slot, Launch &launch, uint32_t first) {
    slot.ring->found = 0;
    launch.ring = slot.onDevice;
    launch.first = first;
    launch.count = uint32_t(slot.count);
    // No block without work: a short launch leaves room for the one after it.
    const unsigned needed = unsigned((slot.count + BLOCK_THREADS - 1) / BLOCK_THREADS);
    void *parameters[] = {&launch};
    TAOGATE_CUDA(driver_, cuLaunchKernel, function_, std::min(blocks_, needed), 1, 1, BLOCK_THREADS, 1, 1, 0, slot.stream, parameters,
                 nullptr);
    slot.state = Slot::WAITED_FOR;
    TAOGATE_CUDA(driver_, cuEventRecord, slot.done, slot.stream);
  }

  bool isDone(Slot &slot) {
    const Result result = driver_.cuEventQuery(slot.done);
    if (result == NOT_READY) return false;
    driver_.check("cuEventQuery", result);
    return true;
  }

  /** A slot without a launch, on the stream whose turn it is; null while all of them drain. */
  Slot *freeSlot() {
    for (size_t i = 0; i < SLOTS; i++) {
      Slot &slot = slots_[(turn_ + i) % SLOTS];
      if (slot.state == Slot::LEFT && isDone(slot)) slot.state = Slot::IDLE;
      if (slot.state != Slot::IDLE) continue;
      turn_ = (turn_ + i + 1) % SLOTS;
      return &slot;
    }
    return nullptr;
  }

  /** Stops these launches without waiting for them: the device reads the word within 64 hashes a thread. */
  void leave(std::vector<Slot *> &queued) {
    if (queued.empty()) return;
    *epochWord_ = *epochWord_ + 1;
    for (Slot *slot : queued) slot->state = Slot::LEFT;
    queued.clear();
  }

  void close() {
    if (!context_) return;
    // Results do not matter here: after an error of the device every call repeats it, and giving the context back frees what is left.
    Context popped;
    const bool current = driver_.cuCtxPushCurrent_v2(context_) == SUCCESS;
    if (epochWord_) *epochWord_ = *epochWord_ + 1;
    for (Stream stream : streams_)
      if (stream) driver_.cuStreamSynchronize(stream);
    for (Slot &slot : slots_) {
      if (slot.done) driver_.cuEventDestroy_v2(slot.done);
      if (slot.ring) driver_.cuMemFreeHost(slot.ring);
    }
    for (Stream stream : streams_)
      if (stream) driver_.cuStreamDestroy_v2(stream);
    if (epochWord_) driver_.cuMemFreeHost(const_cast<uint32_t *>(epochWord_));
    if (module_) driver_.cuModuleUnload(module_);
    if (current) driver_.cuCtxPopCurrent_v2(&popped);
    driver_.cuDevicePrimaryCtxRelease_v2(device_);
    context_ = nullptr;
  }

  const Driver &driver_;
  Device device_ = 0;
  Context context_ = nullptr;
  Module module_ = nullptr;
  Function function_ = nullptr;
  Stream streams_[STREAMS] = {};
  Slot slots_[SLOTS];
  size_t turn_ = 0;
  volatile uint32_t *epochWord_ = nullptr;
  DevicePointer epochOnDevice_ = 0;
  std::string image_;
  unsigned blocks_ = 0;
  int registers_ = 0;
  int localBytes_ = 0;
  bool broken_ = false;
};

}  // namespace taogate::cuda
