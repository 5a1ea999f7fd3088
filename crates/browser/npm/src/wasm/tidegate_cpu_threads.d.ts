// The file beside this one is made by wasm-bindgen; these are the types that it promises.
export { EngineHandle, setPanicHandler } from './glue.js';

/** As of the other modules; a thread gets `module` and `memory` of the first one, and a stack of its own. */
export default function init(options: {
  module_or_path: WebAssembly.Module | URL | string;
  memory?: WebAssembly.Memory;
  thread_stack_size?: number;
}): Promise<unknown>;

export function threadModule(): WebAssembly.Module;
export function threadMemory(): WebAssembly.Memory;
/** How many threads compute, the engine's own among them. */
export function setThreads(threads: number): void;
/** Computes parts of operations; returns only with a trap. */
export function serveAsThread(): void;
/** The engine fails instead of waiting for this thread. */
export function threadBroke(): void;
