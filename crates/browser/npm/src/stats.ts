/** What is loaded, on what it runs, and how fast the last local answer was. */
export interface Stats {
  /** What computes; absent with model `'none'`. */
  device?: {
    backend: 'webgpu' | 'cpu';
    /** The WebGPU adapter's own description; may be empty. */
    adapter?: string;
    /** Why not WebGPU, where the CPU computes. */
    reason?: string;
    /** How many threads compute, where the CPU does. */
    threads?: number;
    /** Why not more than one. */
    threadsReason?: string;
  };
  model?: {
    name: string;
    architecture: string;
    /** Tokens of prompt and answer together. */
    contextLength: number;
    layers: number;
    /** Of the file. */
    bytes: number;
  };
  /** From the stored file to the first token that could be asked for, in ms. */
  loadMs?: number;
  /** Of the engine's own memory, in bytes; GPU memory not included. */
  memoryBytes: number;
  /** The last local answer. */
  last?: {
    promptTokens: number;
    /** Tokens of the prompt that were still in the key/value cache, if the engine says. */
    cachedTokens?: number;
    completionTokens: number;
    /** Until the first token, in ms. */
    prefillMs: number;
    /** From the first token to the last, in ms. */
    decodeMs: number;
    /** Kernels launched; 0 on the CPU. */
    dispatches: number;
  };
}
