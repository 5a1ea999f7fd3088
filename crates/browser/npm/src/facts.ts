import type { GpuLimits } from './adapter.js';
import { threadsFor } from './threads.js';

/** What a device has, as far as a page can know. Bytes. */
export interface DeviceFacts {
  /** Memory that a model may take: half of what the browser says the device has, or of 4 GiB if it does not say. */
  memory: number;
  /** Room in the storage; the browser's own estimate if it is not given. */
  storage?: number;
  /** Dot products of bytes in one instruction. */
  relaxedSimd: boolean;
  /** Threads that may compute on the CPU; 1 unless the page is cross-origin isolated. */
  threads: number;
  /** The WebGPU adapter's limits, where it may be used. */
  gpu?: GpuLimits;
}

const ASSUMED_GIB = 4;

/**
 * `(func (result v128) (i8x16.relaxed_swizzle (i8x16.splat (i32.const 1)) (i8x16.splat (i32.const 2))))`: only
 * browsers with relaxed SIMD take it for a module.
 */
const RELAXED_SIMD = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // \0asm, version 1
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // one type: () -> v128
  ...[0x03, 0x02, 0x01, 0x00], // one function of it
  ...[0x0a, 0x0f, 0x01, 0x0d, 0x00], // its body, without locals
  ...[0x41, 0x01, 0xfd, 0x0f, 0x41, 0x02, 0xfd, 0x0f], // two splats
  ...[0xfd, 0x80, 0x02, 0x0b], // relaxed_swizzle, end
);

/** The device's facts, `known` over what the browser says, with as many threads as the app asks for. */
export function deviceFacts(
  gpu: GpuLimits | undefined,
  known: Partial<DeviceFacts> = {},
  threads: number | 'auto' = 'auto',
): DeviceFacts {
  // In GiB, rounded, and capped by browsers so that it tells little about the person.
  const gib = (globalThis.navigator as { deviceMemory?: number } | undefined)?.deviceMemory ?? ASSUMED_GIB;
  const relaxedSimd = typeof WebAssembly !== 'undefined' && WebAssembly.validate(RELAXED_SIMD);
  return {
    memory: (gib * 2 ** 30) / 2,
    relaxedSimd,
    threads: threadsFor(threads, relaxedSimd).count,
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
