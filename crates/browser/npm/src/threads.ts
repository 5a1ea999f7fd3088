/// Threads of the CPU path: workers beside the engine's that run its module over the same memory.

import type { FromThread, ToThread } from './thread.js';

type Glue = typeof import('./wasm/tidegate_cpu_threads.js');

/** Reading the weights is what takes the time, and more threads do not read faster. */
const MOST = 8;

/** How many threads compute, and why not more than one. */
export interface Threads {
  count: number;
  reason?: string;
}

/**
 * How many threads may compute here. `auto` takes half of what the browser counts, as most machines count each core
 * twice and the page wants to draw too; but two where there are two.
 */
export function threadsFor(asked: number | 'auto', hasRelaxedSimd: boolean): Threads {
  if (asked === 1) return one('the app asked for one');
  if (globalThis.crossOriginIsolated !== true) return one('the page is not cross-origin isolated');
  if (!hasRelaxedSimd) return one('the browser has no relaxed SIMD');
  // What futures in wasm wait with, where threads share the memory.
  if (!('waitAsync' in Atomics)) return one('the browser has no Atomics.waitAsync');
  if (asked !== 'auto') return { count: asked };
  const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
  if (cores < 2) return one('the device has one core');
  return { count: Math.min(MOST, Math.max(2, Math.floor(cores / 2))) };
}

/** A thread fewer than two are none: the engine's own worker computes alone. */
export function one(reason: string): Threads {
  return { count: 1, reason };
}

/**
 * Starts workers so that `count` threads compute, the engine's own among them. All of them or none. They end with
 * the engine's worker.
 */
export async function startThreads(glue: Glue, count: number): Promise<Threads> {
  const workers: Worker[] = [];
  try {
    const start: ToThread = { module: glue.threadModule(), memory: glue.threadMemory() };
    await Promise.all(
      Array.from({ length: count - 1 }, () => {
        // The literal form is what bundlers look for.
        const worker = new Worker(new URL('./thread.js', import.meta.url), {
          type: 'module',
          name: 'tidegate thread',
        });
        workers.push(worker);
        return ready(worker, start);
      }),
    );
  } catch (thrown) {
    for (const worker of workers) worker.terminate();
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return one(`a thread did not start: ${why}`);
  }
  glue.setThreads(count);
  return { count };
}

function ready(worker: Worker, start: ToThread): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<FromThread>) => {
      if (data.type === 'ready') resolve();
      else reject(new Error(data.reason));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(
        new Error(event.message ?? 'its script could not be loaded; is it served, with the same headers?'),
      );
    };
    worker.postMessage(start);
  });
}
