/// One thread of the CPU path: a worker that computes parts of the engine's operations until it is ended.

/** What a thread runs, and where: the engine's own module and memory. */
export interface ToThread {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
}

/** The only word of a thread: from then on it computes, or it never will. */
export type FromThread = { type: 'ready' } | { type: 'failed'; reason: string };

/** Bytes of a thread's stack, whole pages of 64 KiB; kernels keep a few kilobytes there. */
const STACK = 4 * 2 ** 16;

/** The part of `DedicatedWorkerGlobalScope` that is used: TypeScript cannot have it beside the page's types. */
const scope = globalThis as unknown as {
  postMessage(message: FromThread): void;
  addEventListener(type: 'message', listener: (event: { data: ToThread }) => void, o: { once: true }): void;
};

scope.addEventListener('message', ({ data }) => void serve(data), { once: true });

async function serve({ module, memory }: ToThread): Promise<void> {
  const glue = await import('./wasm/tidegate_cpu_threads.js');
  try {
    await glue.default({ module_or_path: module, memory, thread_stack_size: STACK });
  } catch (thrown) {
    scope.postMessage({ type: 'failed', reason: thrown instanceof Error ? thrown.message : String(thrown) });
    return;
  }
  scope.postMessage({ type: 'ready' });
  try {
    glue.serveAsThread();
  } catch (thrown) {
    // The engine waits in wasm and hears no message, but it looks into the memory.
    glue.threadBroke();
    throw thrown;
  }
}
