// Which kernels this processor runs.
#include "kernels.hpp"
#include <cstring>

namespace taogate {

size_t usable_kernels(const Kernel *found[MAX_KERNELS]) {
  size_t count = 0;
  found[count++] = &PORTABLE;
#ifdef POW_X86
  // These ask the operating system too: whether it keeps the wide registers of a thread that it switches away from.
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) found[count++] = &AVX2;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) found[count++] = &AVX512;
#endif
  return count;
}

const Kernel *find_kernel(const char *name) {
  const Kernel *usable[MAX_KERNELS];
  const size_t count = usable_kernels(usable);
  for (size_t k = 0; k < count; k++) {
    const Kernel &kernel = *usable[k];
    if (strcmp(kernel.name, name) == 0) return &kernel;
    for (size_t form = 0; form < kernel.form_count; form++) {
      if (strcmp(kernel.forms[form].name, name) == 0) return &kernel.forms[form];
    }
  }
  return nullptr;
}

} // namespace taogate
