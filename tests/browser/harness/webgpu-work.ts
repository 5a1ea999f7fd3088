import type { Page } from 'playwright-core';

/** Calls of WebGPU, and bytes that were mapped to be read. */
export interface GpuWork {
  dispatches: number;
  submits: number;
  bytesRead: number;
}

/** A worker that waits in wasm does not answer; it has no WebGPU work of its own either. */
const PATIENCE_MS = 2000;

/** Counts what pages and their workers ask of WebGPU, at its own interface, whoever asks. */
export class WebGpuWork {
  readonly #page: Page;

  private constructor(page: Page) {
    this.#page = page;
  }

  /** Before the page is opened. */
  static async watch(page: Page): Promise<WebGpuWork> {
    await page.addInitScript(count);
    page.on('worker', (worker) => {
      worker.evaluate(count).catch(() => {}); // one that ended at once has nothing to count
    });
    return new WebGpuWork(page);
  }

  /** Everything so far. */
  async total(): Promise<GpuWork> {
    const asked = [this.#page.evaluate(read), ...this.#page.workers().map((worker) => worker.evaluate(read))];
    const counts = await Promise.all(
      asked.map((count) => Promise.race([count.catch(() => undefined), patience()])),
    );
    const sum = { dispatches: 0, submits: 0, bytesRead: 0 };
    for (const count of counts) {
      sum.dispatches += count?.dispatches ?? 0;
      sum.submits += count?.submits ?? 0;
      sum.bytesRead += count?.bytesRead ?? 0;
    }
    return sum;
  }
}

function patience(): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), PATIENCE_MS));
}

function read(): GpuWork | undefined {
  return (globalThis as { webgpuWork?: GpuWork }).webgpuWork;
}

/** Runs in the page and in each worker. */
function count(): void {
  const scope = globalThis as unknown as {
    webgpuWork?: GpuWork;
    GPUComputePassEncoder?: { prototype: Record<string, (...words: unknown[]) => unknown> };
    GPUQueue?: { prototype: Record<string, (...words: unknown[]) => unknown> };
    GPUBuffer?: { prototype: Record<string, (...words: unknown[]) => unknown> };
  };
  if (scope.webgpuWork !== undefined) return;
  const work = { dispatches: 0, submits: 0, bytesRead: 0 };
  scope.webgpuWork = work;
  const wrap = (
    target: { prototype: Record<string, (...words: unknown[]) => unknown> } | undefined,
    name: string,
    seen: (self: unknown, words: unknown[]) => void,
  ) => {
    const original = target?.prototype[name];
    if (target === undefined || original === undefined) return;
    target.prototype[name] = function (this: unknown, ...words: unknown[]) {
      seen(this, words);
      return original.apply(this, words);
    };
  };
  for (const name of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect']) {
    wrap(scope.GPUComputePassEncoder, name, () => {
      work.dispatches += 1;
    });
  }
  wrap(scope.GPUQueue, 'submit', () => {
    work.submits += 1;
  });
  wrap(scope.GPUBuffer, 'mapAsync', (self, [mode, offset, size]) => {
    const forReading = (Number(mode) & 1) !== 0;
    const whole = (self as { size: number }).size - Number(offset ?? 0);
    if (forReading) work.bytesRead += Number(size ?? whole);
  });
}
