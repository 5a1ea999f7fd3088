import { readFileSync } from 'node:fs';
import type { GpuWork } from '../harness/webgpu-work.ts';

/** What `cargo xtask bench engine` wants to have measured: one runtime, once, in a browser of its own. */
export interface Job {
  /** A key of `RUNTIMES`. */
  runtime: string;
  /** The adapter to compute on, or null for the CPU. */
  adapter: 'hardware' | 'lavapipe' | 'swiftshader' | null;
  threads: number;
  /** The GGUF file. */
  model: string;
  /** The folder with the same model as ONNX. */
  onnx: string;
  /** The folder of the peers' packages. */
  packages: string;
  question: string;
  /** The question in the model's chat template. */
  prompt: { text: string; ids: number[] };
  /** Tokens of each answer. */
  tokens: number;
  timeoutMs: number;
  /** The browser and what it needs in its environment. */
  chromium: { executable: string; environment: Record<string, string> };
  /** Where the result goes, as JSON. */
  out: string;
}

/** One answer, timed in the page. */
export interface Generation {
  /** From the question to the first token, in ms. */
  firstMs: number;
  /** From the question to the last token, in ms. */
  lastMs: number;
  /** Tokens of the prompt that were computed. */
  promptTokens: number;
  tokens: number;
  text: string;
}

/** A result; `cargo xtask bench` reads it. */
export interface Measured {
  version: string;
  /** What computed, as the runtime says. */
  adapter: string | null;
  threads: number;
  /** From nothing to ready, the model over the loopback. */
  loadMs: number;
  /** The same on a second visit, for runtimes that keep the file. */
  cachedLoadMs: number | null;
  /** Processor time to issue one small WebGPU dispatch, in µs, from runtimes that tell. */
  dispatchMicroseconds: number | null;
  /** The first answer after loading. */
  cold: Generation;
  /** An answer after some seconds of answers, nothing of its prompt cached. */
  warm: Generation;
  /** What processors spent on the warm answer, all of the browser's processes. */
  processorMs: number | null;
  /** Of all the browser's processes, while loading and in the first answer. */
  peakMemoryBytes: number;
  /** The same before the page, with an empty one. */
  emptyMemoryBytes: number;
  /** For each token after the first. */
  gpu: GpuWork | null;
  /** JavaScript and wasm that the page fetched. */
  files: string[];
}

/** The job that `cargo xtask bench` wants done. */
export function readJob<T = Job>(): T {
  const path = process.env.TIDEGATE_BENCH_JOB;
  if (path === undefined) throw new Error('run by `cargo xtask bench`, which sets TIDEGATE_BENCH_JOB');
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}
