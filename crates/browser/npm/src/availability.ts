import { findAdapter } from './adapter.js';
import { asError } from './errors.js';
import { deviceFacts, fitsMemory } from './facts.js';
import { type ModelRef, modelRef } from './options.js';
import { lookUp, type Stored } from './store.js';

/** Whether a model can answer in this page, and what it would cost to get there. */
export interface Availability {
  /** `unavailable`: `reason` says why. `downloading`: a part is stored, and the rest is to be fetched. */
  status: 'unavailable' | 'downloadable' | 'downloading' | 'available';
  /** What would compute. */
  device: { backend: 'webgpu' | 'cpu'; adapter?: string; reason?: string };
  /** Whether the file fits into storage and memory, by its length; the engine looks at its header too. */
  fit: { storage: boolean; memory: boolean; storageAvailable?: number };
  /** Still to be fetched. Unknown (undefined) for a bare GGUF URL that was never fetched. */
  bytesToDownload: number | undefined;
  /** The browser promised not to evict what is stored. */
  persisted: boolean;
  reason?: string;
}

/**
 * Looks whether `model` is stored, would fit, and what would compute. Fetches no more than the manifest; of several
 * variants it tells of the first that fits.
 */
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

  let files: Stored[];
  try {
    files = await lookUp(ref, options.signal);
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
  const facts = deviceFacts(undefined);
  const free = estimate?.quota === undefined ? undefined : estimate.quota - (estimate.usage ?? 0);
  const looked = files.map((file) => {
    const missing = missingOf(file);
    const fit = {
      storage: free === undefined || missing === undefined || missing <= free,
      memory: fitsMemory(file.bytes, facts),
      ...(free === undefined ? {} : { storageAvailable: free }),
    };
    return { file, missing, fit };
  });
  const found = looked.find(({ fit }) => fit.storage && fit.memory) ?? looked[0];
  if (found === undefined) throw new TypeError('a manifest without files was read');
  const { file, missing, fit } = found;
  const rest = { ...base, fit, bytesToDownload: missing };
  if (!fit.storage) {
    const reason = `the model needs ${missing} more bytes of storage and the browser has ${free}; free some space`;
    return { ...rest, status: 'unavailable', reason };
  }
  if (!fit.memory) {
    const reason = `the model has ${file.bytes} bytes, and may take ${facts.memory} bytes of memory with all it needs`;
    return { ...rest, status: 'unavailable', reason };
  }
  if (file.verified) return { ...rest, status: 'available' };
  return { ...rest, status: file.stored > 0 ? 'downloading' : 'downloadable' };
}

function missingOf({ bytes, stored, verified }: Stored): number | undefined {
  if (verified) return 0;
  return bytes === undefined ? undefined : Math.max(0, bytes - stored);
}

/** A hardware WebGPU adapter, or the CPU and why. */
async function probeDevice(): Promise<Availability['device']> {
  const found = await findAdapter();
  if ('reason' in found) return { backend: 'cpu', reason: found.reason };
  if (found.isSoftware) return { backend: 'cpu', reason: softwareReason(found.name) };
  return { backend: 'webgpu', adapter: found.name };
}

/** Why a software adapter is not taken. */
export function softwareReason(name: string): string {
  return `the WebGPU adapter is software (${name}): the CPU is faster`;
}
