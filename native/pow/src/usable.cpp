// Which kernels this processor runs.
#include "kernels.hpp"
#include <cstring>
#include <initializer_list>

namespace taogate {
namespace {

#ifdef POW_X86
bool has_avx512() { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"); }
#endif

} // namespace

size_t usable_kernels(const Kernel *found[MAX_KERNELS]) {
  size_t count = 0;
  found[count++] = &PORTABLE;
#ifdef POW_X86
  // These ask the operating system too: whether it keeps the wide registers of a thread that it switches away from.
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) found[count++] = &AVX2;
  if (has_avx512()) found[count++] = &AVX512;
#endif
  return count;
}

const Kernel *find_kernel(const char *name) {
  const Kernel *usable[MAX_KERNELS];
  const size_t count = usable_kernels(usable);
  for (size_t k = 0; k < count; k++) {
    if (strcmp(usable[k]->name, name) == 0) return usable[k];
  }
#ifdef POW_X86
  for (const Kernel *kernel : {&AVX512_LOGIC, &AVX512_SHARED}) {
    if (has_avx512() && strcmp(kernel->name, name) == 0) return kernel;
  }
#endif
  return nullptr;
}

} // namespace taogate
