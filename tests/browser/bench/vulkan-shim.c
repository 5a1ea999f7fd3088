/*
 * Stands in Chromium's folder as libvk_swiftshader.so, which Chromium loads as its CPU adapter and knows by
 * vendor and device. Passes every call on to the system's Vulkan loader (whose VK_ICD_FILENAMES chooses the
 * driver) and reports SwiftShader's vendor and device.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <vulkan/vulkan.h>

enum { SWIFTSHADER_VENDOR = 0x1AE0, SWIFTSHADER_DEVICE = 0xC0DE };

static PFN_vkGetInstanceProcAddr next_address;
static PFN_vkGetPhysicalDeviceProperties next_properties;
static PFN_vkGetPhysicalDeviceProperties2 next_properties2;

/* When the library is loaded, before anything can be called. */
__attribute__((constructor)) static void open_loader(void) {
  void *loader = dlopen(VULKAN_LOADER, RTLD_NOW | RTLD_LOCAL);
  if (loader != NULL) next_address = (PFN_vkGetInstanceProcAddr)dlsym(loader, "vkGetInstanceProcAddr");
}

static void rename_device(VkPhysicalDeviceProperties *properties) {
  properties->vendorID = SWIFTSHADER_VENDOR;
  properties->deviceID = SWIFTSHADER_DEVICE;
}

static VKAPI_ATTR void VKAPI_CALL properties(VkPhysicalDevice device, VkPhysicalDeviceProperties *out) {
  next_properties(device, out);
  rename_device(out);
}

static VKAPI_ATTR void VKAPI_CALL properties2(VkPhysicalDevice device, VkPhysicalDeviceProperties2 *out) {
  next_properties2(device, out);
  rename_device(&out->properties);
}

__attribute__((visibility("default"))) VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL
vkGetInstanceProcAddr(VkInstance instance, const char *name) {
  if (next_address == NULL) return NULL;
  if (strcmp(name, "vkGetInstanceProcAddr") == 0) return (PFN_vkVoidFunction)vkGetInstanceProcAddr;
  PFN_vkVoidFunction function = next_address(instance, name);
  if (function == NULL) return NULL;
  if (strcmp(name, "vkGetPhysicalDeviceProperties") == 0) {
    next_properties = (PFN_vkGetPhysicalDeviceProperties)function;
    return (PFN_vkVoidFunction)properties;
  }
  if (strcmp(name, "vkGetPhysicalDeviceProperties2") == 0 ||
      strcmp(name, "vkGetPhysicalDeviceProperties2KHR") == 0) {
    next_properties2 = (PFN_vkGetPhysicalDeviceProperties2)function;
    return (PFN_vkVoidFunction)properties2;
  }
  return function;
}

__attribute__((visibility("default"))) VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL
vk_icdGetInstanceProcAddr(VkInstance instance, const char *name) {
  return vkGetInstanceProcAddr(instance, name);
}
