import type { GpuLimits } from './adapter.js';

/** What a device has, as far as a page can know. Bytes. */
export interface DeviceFacts {
  /** Memory that a model may take: half of what the browser says the device has, or of 4 GiB if it does not say. */
  memory: number;
  /** Room in the storage; the browser's own estimate if it is not given. */
  storage?: number;
  /** Dot products of bytes in one instruction. */
  relaxedSimd: boolean;
  /** Threads that may compute; 1 unless the page is cross-origin isolated. */
  threads: number;
  /** The WebGPU adapter's limits, where it may be used. */
  gpu?: GpuLimits;
}

const ASSUMED_GIB = 4;

/** `(func (result v128) (i8x16.relaxed_swizzle (i8x16.splat 1) (i8x16.splat 2)))` */
const RELAXED_SIMD = [
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0],
  ...[65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11],
];

/** The device's facts, `known` over what the browser says. */
export function deviceFacts(gpu: GpuLimits | undefined, known: Partial<DeviceFacts> = {}): DeviceFacts {
  // In GiB, rounded, and capped by browsers so that it tells little about the person.
  const gib = (globalThis.navigator as { deviceMemory?: number } | undefined)?.deviceMemory ?? ASSUMED_GIB;
  return {
    memory: (gib * 2 ** 30) / 2,
    relaxedSimd: typeof WebAssembly !== 'undefined' && WebAssembly.validate(new Uint8Array(RELAXED_SIMD)),
    threads: 1,
    ...(gpu === undefined ? {} : { gpu }),
    ...known,
  };
}

/**
 * Whether a file of so many bytes may fit into memory, by its length alone. The engine decides exactly once it has
 * the file's header; see `crates/local-model/src/fit.rs`, whose figures these are.
 */
export function fitsMemory(bytes: number | undefined, facts: DeviceFacts): boolean {
  return bytes === undefined || bytes * 1.04 + 64 * 2 ** 20 <= facts.memory;
}
