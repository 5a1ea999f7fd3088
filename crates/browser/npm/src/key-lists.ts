/// The gateway's key, at hand before a question needs it.

type Handle = InstanceType<typeof import('./wasm/glue.js')['EngineHandle']>;

/** Between two looks, ms: at least, and what chance adds. */
const REST_MS = 3_600_000;

/**
 * Has the engine fetch and compare lists of keys now, and again after an hour or two for as long as the worker lives. Asked
 * for only when a question needs them, they would tell whoever hands them out that somebody asks something now.
 */
export function keepKeys(handle: Handle): void {
  // What goes wrong is told to the question that it stops.
  handle.refreshKeys().catch(() => {});
  setTimeout(() => keepKeys(handle), REST_MS * (1 + Math.random()));
}
