/** What is read of an adapter's description. */
export interface GpuInfo {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  isFallbackAdapter?: boolean;
}

/** What a kernel can reach, bytes. */
export interface GpuLimits {
  maxStorageBufferBindingSize: number;
  maxBufferSize: number;
}

/** The part of WebGPU's types that is read here; TypeScript's DOM types do not have it everywhere. */
interface GpuLike {
  requestAdapter(): Promise<{ info: GpuInfo; limits: GpuLimits } | null>;
}

/** A WebGPU adapter that was found. */
export interface Adapter {
  /** As it calls itself; may be empty. */
  name: string;
  info: GpuInfo;
  limits: GpuLimits;
  /** It computes on the CPU, where the CPU's own path is faster. */
  isSoftware: boolean;
}

/** Any WebGPU adapter, software ones too, or why there is none. */
export async function findAdapter(): Promise<Adapter | { reason: string }> {
  const gpu = (globalThis.navigator as { gpu?: GpuLike } | undefined)?.gpu;
  if (gpu === undefined) return { reason: 'this browser has no WebGPU' };
  const adapter = await gpu.requestAdapter().catch(() => null);
  if (adapter === null) return { reason: 'WebGPU found no adapter' };
  const { info } = adapter;
  const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
  return {
    name: info.description || [info.vendor, info.architecture].filter(Boolean).join(' '),
    info,
    limits: { maxStorageBufferBindingSize, maxBufferSize },
    isSoftware: isSoftware(info),
  };
}

/** SwiftShader, Mesa's llvmpipe and lavapipe, Microsoft's Basic Render Driver (WARP), and what says so itself. */
export function isSoftware(info: GpuInfo): boolean {
  const words = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;
  return (
    info.isFallbackAdapter === true ||
    /swiftshader|llvmpipe|lavapipe|software|basic render|\bwarp\b/i.test(words)
  );
}
