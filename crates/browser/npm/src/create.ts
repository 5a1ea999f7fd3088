import { asError } from './errors.js';
import { tellAll } from './listeners.js';
import {
  type EngineOptions,
  engineOptions,
  type Progress,
  policyData,
  type TidegateOptions,
} from './options.js';
import { RemoteEngine } from './remote.js';
import { abortedBy, EngineTidegate, type Tidegate, throwIfAborted } from './tidegate.js';

/**
 * Gets a model ready in a worker of its own: fetches it if it is not stored yet, checks it, loads it.
 *
 * A second call with the same model, cloud and device shares the first one's engine and memory.
 *
 * @throws TidegateError if the model cannot be had or used; `AbortError` if `signal` aborts. What was
 * downloaded until then is kept, and the next call goes on from there.
 */
export async function createTidegate(options: TidegateOptions = {}): Promise<Tidegate> {
  const checked = engineOptions(options, globalThis.location?.href);
  policyData(checked.cloud !== null, options.policy);
  if (options.signal !== undefined) throwIfAborted(options.signal);
  if (checked.storage === 'opfs' && checked.model.kind !== 'none' && checked.model.kind !== 'file') {
    // Not awaited: some browsers ask the person, and the answer changes nothing now.
    void globalThis.navigator?.storage?.persist?.().catch(() => false);
  }
  const { engine, release } = await borrow(checked, options);
  return new EngineTidegate(
    {
      get model() {
        return engine.model;
      },
      diagnostics: engine.diagnostics,
      answer: (call) => engine.answer({ ...call, tokens: options.cloud?.tokens }),
      route: (request, policy) => engine.route(request, policy),
      preview: (request, policy) => engine.preview(request, policy),
      editMasks: (edits, policy) => engine.editMasks(edits, policy),
      feedback: (change) => engine.feedback(change),
      saveVault: () => engine.saveVault(),
      loadVault: (saved) => engine.loadVault(saved),
      forget: () => engine.forget(),
      stats: () => engine.stats(),
      dispose: release,
    },
    options.policy,
    checked.cloud !== null,
  );
}

/** An engine and who uses it. */
interface Shared {
  engine: Promise<RemoteEngine>;
  abort: AbortController;
  users: number;
  listeners: Set<(progress: Progress) => void>;
}

const shared = new Map<string, Shared>();

/** Takes part in an engine, starting it if nobody did. The last one to release it ends it. */
async function borrow(
  options: EngineOptions,
  { workerUrl, signal, onProgress }: TidegateOptions,
): Promise<{ engine: RemoteEngine; release: () => Promise<void> }> {
  const key =
    options.model.kind === 'file' ? crypto.randomUUID() : JSON.stringify([options, workerUrl?.toString()]);
  const entry = shared.get(key) ?? start(options, workerUrl);
  shared.set(key, entry);
  entry.users += 1;
  if (onProgress !== undefined) entry.listeners.add(onProgress);

  let released = false;
  const release = async () => {
    if (released) return;
    released = true;
    entry.users -= 1;
    if (entry.users > 0) return;
    if (shared.get(key) === entry) shared.delete(key);
    entry.abort.abort();
    await (await entry.engine.catch(() => undefined))?.dispose();
  };

  try {
    const engine = await (signal === undefined ? entry.engine : unlessAborted(entry.engine, signal));
    return { engine, release };
  } catch (error) {
    await release();
    throw asError(error);
  } finally {
    if (onProgress !== undefined) entry.listeners.delete(onProgress);
  }
}

function start(options: EngineOptions, workerUrl: string | URL | undefined): Shared {
  const abort = new AbortController();
  const listeners = new Set<(progress: Progress) => void>();
  const engine = RemoteEngine.open({
    options,
    workerUrl,
    signal: abort.signal,
    onProgress: (progress) => {
      tellAll(listeners, progress);
    },
  });
  return { engine, abort, users: 0, listeners };
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(abortedBy(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
