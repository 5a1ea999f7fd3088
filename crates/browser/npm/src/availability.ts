import { asError } from './errors.js';
import { type ModelRef, modelRef } from './options.js';
import { lookUp } from './store.js';

/** Whether a model can answer in this page, and what it would cost to get there. */
export interface Availability {
  /** `unavailable`: `reason` says why. `downloading`: a part is stored, and the rest is to be fetched. */
  status: 'unavailable' | 'downloadable' | 'downloading' | 'available';
  /** What would compute. */
  device: { backend: 'webgpu' | 'cpu'; adapter?: string; reason?: string };
  /** Whether the file fits into storage and memory, as far as the browser tells. */
  fit: { storage: boolean; memory: boolean; storageAvailable?: number };
  /** Still to be fetched. Unknown (undefined) for a bare GGUF URL that was never fetched. */
  bytesToDownload: number | undefined;
  /** The browser promised not to evict what is stored. */
  persisted: boolean;
  reason?: string;
}

/** Looks whether `model` is stored, would fit, and what would compute. Fetches no more than the manifest. */
export async function availability(
  model: ModelRef = 'none',
  options: { signal?: AbortSignal } = {},
): Promise<Availability> {
  const ref = modelRef(model, globalThis.location?.href);
  const [device, estimate, persisted] = await Promise.all([
    probeDevice(),
    globalThis.navigator?.storage?.estimate?.().catch(() => undefined),
    globalThis.navigator?.storage?.persisted?.().catch(() => false),
  ]);
  const base = { device, persisted: persisted === true };
  const nowhere = { storage: false, memory: false };
  if (ref.kind === 'none') {
    return { ...base, status: 'unavailable', fit: nowhere, bytesToDownload: 0, reason: 'no model was named' };
  }
  if (typeof WebAssembly === 'undefined' || typeof Worker === 'undefined') {
    const reason = 'this environment has no WebAssembly or no workers';
    return { ...base, status: 'unavailable', fit: nowhere, bytesToDownload: undefined, reason };
  }

  let found: Awaited<ReturnType<typeof lookUp>>;
  try {
    found = await lookUp(ref, options.signal);
  } catch (thrown) {
    options.signal?.throwIfAborted();
    const fit = { storage: true, memory: true };
    return {
      ...base,
      status: 'unavailable',
      fit,
      bytesToDownload: undefined,
      reason: asError(thrown).message,
    };
  }
  const missing = found.verified
    ? 0
    : found.bytes === undefined
      ? undefined
      : Math.max(0, found.bytes - found.stored);
  const free = estimate?.quota === undefined ? undefined : estimate.quota - (estimate.usage ?? 0);
  const fit = {
    storage: free === undefined || missing === undefined || missing <= free,
    memory: fitsMemory(found.bytes),
    ...(free === undefined ? {} : { storageAvailable: free }),
  };
  const rest = { ...base, fit, bytesToDownload: missing };
  if (found.verified) return { ...rest, status: 'available' };
  if (!fit.storage) {
    const reason = `the model needs ${missing} more bytes of storage and the browser has ${free}; free some space`;
    return { ...rest, status: 'unavailable', reason };
  }
  return { ...rest, status: found.stored > 0 ? 'downloading' : 'downloadable' };
}

/** A hardware WebGPU adapter, or the CPU and why. */
export async function probeDevice(): Promise<Availability['device']> {
  const found = await findAdapter();
  if ('reason' in found) return { backend: 'cpu', reason: found.reason };
  const { info, name } = found;
  if (isSoftware(info))
    return { backend: 'cpu', reason: `the WebGPU adapter is software (${name}): the CPU is faster` };
  return { backend: 'webgpu', adapter: name };
}

/** Any WebGPU adapter, software ones too, or why there is none. */
export async function findAdapter(): Promise<{ info: GpuInfo; name: string } | { reason: string }> {
  const gpu = (globalThis.navigator as { gpu?: GpuLike } | undefined)?.gpu;
  if (gpu === undefined) return { reason: 'this browser has no WebGPU' };
  const adapter = await gpu.requestAdapter().catch(() => null);
  if (adapter === null) return { reason: 'WebGPU found no adapter' };
  const { info } = adapter;
  return { info, name: info.description || [info.vendor, info.architecture].filter(Boolean).join(' ') };
}

/** The part of WebGPU's types that is read here; TypeScript's DOM types do not have it everywhere. */
interface GpuLike {
  requestAdapter(): Promise<{ info: GpuInfo } | null>;
}
interface GpuInfo {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  isFallbackAdapter?: boolean;
}

function isSoftware(info: GpuInfo): boolean {
  const words = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;
  return (
    info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|software|basic render/i.test(words)
  );
}

/** `deviceMemory` is in GiB, rounded, and capped at 8; a model needs its own size again for the rest. */
function fitsMemory(bytes: number | undefined): boolean {
  const gib = (globalThis.navigator as { deviceMemory?: number } | undefined)?.deviceMemory;
  return bytes === undefined || gib === undefined || bytes * 2 < (gib * 2 ** 30) / 2;
}
