// The CUDA part of the addon by itself.
#include <node_api.h>

napi_value taogate_cuda(napi_env env);

NAPI_MODULE_INIT(/* napi_env env, napi_value exports */) {
  (void)exports;
  return taogate_cuda(env);
}
