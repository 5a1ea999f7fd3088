/// The engine's worker: loads the wasm module that suits the device, and passes calls to it.

import { type Adapter, findAdapter } from './adapter.js';
import { softwareReason } from './availability.js';
import { asErrorData, TidegateError } from './errors.js';
import { Evidence } from './evidence.js';
import { deviceFacts } from './facts.js';
import { recordKey } from './gpu-record.js';
import { keepKeys } from './key-lists.js';
import { chooseModule, inWasmFolder, type Module, threadsModule } from './module.js';
import type { EngineOptions } from './options.js';
import type { CallName, Calls, FromWorker, TakenToken, ToWorker } from './protocol.js';
import type { Stats } from './stats.js';
import { one, startThreads, type Threads, threadsFor } from './threads.js';
import type { AnswerEvent, MaskEdits, Route } from './types.gen.js';
import { routerFile, taggerFile, type WeightsFile } from './weights.js';

type Glue = typeof import('./wasm/glue.js');
type Handle = InstanceType<Glue['EngineHandle']>;
type Backend = 'webgpu' | 'cpu';

/** A loaded engine and why it runs where it runs. */
interface Loaded {
  handle: Handle;
  backend: Backend;
  reason: string | undefined;
  /** Rejects when the module breaks; a broken module answers no more. */
  broken: Promise<never>;
}

/** The part of `DedicatedWorkerGlobalScope` that is used: TypeScript cannot have it beside the page's types. */
const scope = globalThis as unknown as {
  postMessage(message: FromWorker): void;
  addEventListener(type: string, listener: (event: { data: ToWorker }) => void): void;
};

let loaded: Promise<Loaded> | undefined;
let device: Stats['device'];
/** Only where there is a cloud: without one nothing could leave. */
let weights: { tagger: WeightsFile; router: WeightsFile } | undefined;
/** Only where the app asks for evidence. */
let evidence: Evidence | undefined;
/** Calls that wait for weights, or for evidence. */
const waiting = new Set<number>();
/** The vault as the page knows it. */
let toldVault = '';
const consents = new Map<number, (decision: boolean | MaskEdits) => void>();
const doubts = new Map<number, (cloud: boolean) => void>();
const tokens = new Map<number, (taken: TakenToken) => void>();
let tellGpu: (refusal: string | null) => void = () => {};

scope.addEventListener('message', ({ data }) => {
  void receive(data);
});

async function receive(message: ToWorker): Promise<void> {
  const { id } = message;
  if (message.type === 'consent') {
    consents.get(id)?.(message.decision);
    return;
  }
  if (message.type === 'doubt') {
    doubts.get(id)?.(message.cloud);
    return;
  }
  if (message.type === 'token-taken') {
    tokens.get(id)?.(message.taken);
    tokens.delete(id);
    return;
  }
  if (message.type === 'gpu') {
    tellGpu(message.refusal);
    return;
  }
  if (message.type === 'seen') {
    (await loaded?.catch(() => undefined))?.handle.seen(message.seen);
    return;
  }
  if (message.type === 'signals') {
    (await loaded?.catch(() => undefined))?.handle.setSignals(JSON.stringify(message.signals));
    return;
  }
  if (message.type === 'abort') {
    consents.delete(id);
    doubts.delete(id);
    tokens.delete(id);
    waiting.delete(id);
    (await loaded?.catch(() => undefined))?.handle.abort(id);
    return;
  }
  try {
    const value = await perform(message);
    post({ type: 'result', id, value, stats: await stats(), ...(await vaultNews()) });
  } catch (thrown) {
    if (isBroken(thrown)) {
      post({ type: 'crashed', error: asErrorData(thrown) });
      return;
    }
    const told = await vaultNews().catch(() => ({}));
    post({ type: 'error', id, error: asErrorData(thrown), stats: await stats().catch(() => null), ...told });
  }
}

async function perform(message: Extract<ToWorker, { type: CallName }>): Promise<Calls[CallName]['result']> {
  if (message.type === 'open') {
    loaded = load(message.id, message.options, message.avoidGpu);
    const { handle } = await loaded;
    void weights?.tagger.give(handle); // as soon as they are there
    void weights?.router.give(handle);
    if (typeof message.options.cloud?.keys === 'object') keepKeys(handle);
    return null;
  }
  if (loaded === undefined) throw new Error('the worker was asked before it was opened');
  const engine = await loaded;
  return Promise.race([call(engine.handle, message), engine.broken]);
}

async function call(
  handle: Handle,
  message: Exclude<Extract<ToWorker, { type: CallName }>, { type: 'open' }>,
): Promise<Calls[CallName]['result']> {
  const { id } = message;
  switch (message.type) {
    case 'answer': {
      await untilFindable(handle, message);
      await untilProved(handle, message);
      let failed: { thrown: unknown } | undefined;
      const onEvent = (json: string) => {
        try {
          const event = JSON.parse(json) as AnswerEvent;
          post({ type: 'event', id, event, ...(event.type === 'done' ? { stats: statsOf(handle) } : {}) });
        } catch (thrown) {
          // An answer with a hole in it is none.
          failed ??= { thrown };
          handle.abort(id);
        }
      };
      const onConsent = message.wantsConsent ? (preview: string) => askConsent(id, preview) : undefined;
      const onDoubt = message.wantsDoubt ? (doubt: string) => askDoubt(id, doubt) : undefined;
      try {
        await handle.answer(
          id,
          JSON.stringify(message.request),
          JSON.stringify(message.policy),
          onEvent,
          onConsent,
          onDoubt,
          message.hasTokens ? () => askToken(id) : undefined,
          JSON.stringify(message.journal),
          (token: number, logProbability: number) =>
            post({ type: 'token', id, token: [token, logProbability] }),
          message.background,
        );
      } catch (thrown) {
        throw failed === undefined ? thrown : failed.thrown;
      } finally {
        consents.delete(id);
        doubts.delete(id);
        tokens.delete(id);
      }
      if (failed !== undefined) throw failed.thrown; // with its last event
      return null;
    }
    case 'route':
      await untilFindable(handle, message);
      return JSON.parse(handle.route(JSON.stringify(message.request), JSON.stringify(message.policy)));
    case 'preview':
      await untilFindable(handle, message);
      return JSON.parse(handle.preview(JSON.stringify(message.request), JSON.stringify(message.policy)));
    case 'editMasks':
      await untilFindable(handle, message);
      return JSON.parse(handle.editMasks(JSON.stringify(message.edits), JSON.stringify(message.policy)));
    case 'feedback':
      return JSON.parse(handle.feedback(JSON.stringify(message.change)));
    case 'saveVault':
      return handle.saveVault();
    case 'loadVault':
      handle.loadVault(message.saved);
      return null;
    case 'forget':
      handle.forget();
      return null;
    case 'greedy':
      return JSON.parse(await handle.greedy(id, JSON.stringify(message.prompt), message.maxTokens));
    case 'dispatchCost': {
      const [issueMs = 0, totalMs = 0] = await handle.dispatchCost(message.operations);
      return { issueMs, totalMs };
    }
    case 'detectionCost': {
      await untilFindable(handle, message);
      const request = JSON.stringify(message.request);
      const policy = JSON.stringify(message.policy);
      const start = performance.now();
      handle.preview(request, policy);
      return { ms: performance.now() - start };
    }
    case 'decisionCost': {
      await untilFindable(handle, message);
      const { request, policy } = message;
      return { ms: handle.decisionCost(JSON.stringify(request), JSON.stringify(policy)) };
    }
    case 'lastRecord':
      return handle.lastRecord() ?? null;
  }
}

/** Asks the page; edits come back as JSON. */
function askConsent(id: number, preview: string): Promise<boolean | string> {
  post({ type: 'ask-consent', id, preview: JSON.parse(preview) });
  return new Promise((resolve) => {
    consents.set(id, (decision) =>
      resolve(typeof decision === 'boolean' ? decision : JSON.stringify(decision)),
    );
  });
}

/** Asks the page whether the cloud is to answer instead. */
function askDoubt(id: number, doubt: string): Promise<boolean> {
  post({ type: 'ask-doubt', id, doubt: JSON.parse(doubt) });
  return new Promise((resolve) => {
    doubts.set(id, resolve);
  });
}

/** Asks the page for a token; it or an error comes back as JSON. */
function askToken(id: number): Promise<string> {
  post({ type: 'ask-token', id });
  return new Promise((resolve) => {
    tokens.set(id, (taken) => resolve(JSON.stringify(taken)));
  });
}

/** What looks for what is personal. */
type Findable = Extract<ToWorker, { type: Decidable | Detecting }>;
/** What decides where a question is answered. */
type Decidable = 'answer' | 'route' | 'decisionCost';
/** What looks and decides nothing. */
type Detecting = 'preview' | 'editMasks' | 'detectionCost';

/** Waits for the weights that take part; an answer that stays in the page does not wait for the tagger. */
async function untilFindable(handle: Handle, message: Findable): Promise<void> {
  if (weights === undefined) return;
  const { router, tagger } = weights;
  const isDecided = message.type === 'answer' || message.type === 'route' || message.type === 'decisionCost';
  if (isDecided && message.policy.mode === 'prefer-local') await until(router, handle, message.id);
  const needsTagger = !isDecided || (!tagger.isThere && lacksTagger(handle, message));
  if (needsTagger) await until(tagger, handle, message.id);
}

async function until(file: WeightsFile, handle: Handle, id: number): Promise<void> {
  if (!file.isThere) await unlessAborted(id, file.give(handle));
}

/** Waits until the engine knows what the gateway has proved, where a question may leave only with it. */
async function untilProved(handle: Handle, message: Extract<ToWorker, { type: 'answer' }>): Promise<void> {
  const { id, request, policy } = message;
  if (evidence !== undefined) await unlessAborted(id, evidence.ready(handle, request, policy));
}

async function unlessAborted(id: number, work: Promise<void>): Promise<void> {
  waiting.add(id);
  let isWanted = false;
  try {
    await work;
  } finally {
    isWanted = waiting.delete(id);
  }
  if (!isWanted) throw new Error('the call was aborted');
}

/** Whether a request would leave if the tagger were there. */
function lacksTagger(handle: Handle, { request, policy }: Extract<Findable, { type: Decidable }>) {
  try {
    const { reasons }: Route = JSON.parse(handle.route(JSON.stringify(request), JSON.stringify(policy)));
    return reasons[0]?.code === 'detector-not-ready';
  } catch (thrown) {
    return asErrorData(thrown).code === 'detector-unavailable';
  }
}

/** The vault, if the page knows another one: another worker goes on with it, should this one break. */
async function vaultNews(): Promise<{ vault?: string }> {
  const engine = await loaded;
  const vault = engine?.handle.saveVault() ?? '';
  if (vault === toldVault) return {};
  toldVault = vault;
  return { vault };
}

/**
 * Takes the GPU if there is a real one and nothing is known against it, else the CPU. A GPU that fails while loading
 * gives way to the CPU.
 */
async function load(id: number, options: EngineOptions, avoidGpu: string | null): Promise<Loaded> {
  if (options.cloud !== null) {
    weights = { tagger: taggerFile(options.wasmUrl), router: routerFile(options.wasmUrl) };
  }
  if (options.evidence !== null) evidence = new Evidence(options.evidence, options.wasmUrl);
  if (options.model.kind === 'none') return loadOn(id, options, 'cpu', undefined);
  if (options.device === 'cpu') return loadOn(id, options, 'cpu', 'the app asked for the CPU');
  // Asked first, so that no model is fetched for nothing.
  const found = await findAdapter();
  if (options.device === 'webgpu') {
    if ('reason' in found) throw noAdapter(found.reason);
    await askGpu(id, found, true);
    return loadOn(id, options, 'webgpu', undefined, found);
  }
  if ('reason' in found) return loadOn(id, options, 'cpu', found.reason);
  if (found.isSoftware) return loadOn(id, options, 'cpu', softwareReason(found.name));
  const refusal = avoidGpu ?? (await askGpu(id, found, false));
  if (refusal !== null) return loadOn(id, options, 'cpu', refusal);
  try {
    return await loadOn(id, options, 'webgpu', undefined, found);
  } catch (thrown) {
    const { code, message } = asErrorData(thrown);
    // A module that broke may go on breaking: the page takes another worker.
    if (isBroken(thrown)) throw thrown;
    const isFault = thrown instanceof WrongResult;
    if (!isFault && !['no-adapter', 'device-limit', 'device-lost'].includes(code)) throw thrown;
    const failed = thrown instanceof WrongResult ? 'failed its self-test' : 'failed';
    return loadOn(id, options, 'cpu', `the GPU ${failed}: ${message}`);
  }
}

/** Has the page remember that this GPU is being opened, before it is; or tells why it should not be. */
function askGpu(id: number, found: Adapter, forced: boolean): Promise<string | null> {
  post({ type: 'ask-gpu', id, adapter: recordKey(found), forced });
  return new Promise((resolve) => {
    tellGpu = resolve;
  });
}

function noAdapter(reason: string): TidegateError {
  const message = `device 'webgpu': ${reason}; use device 'auto' or 'cpu'`;
  return new TidegateError({ code: 'no-adapter', message, recoverable: false });
}

async function loadOn(
  id: number,
  options: EngineOptions,
  backend: Backend,
  reason: string | undefined,
  adapter?: Adapter,
): Promise<Loaded> {
  let isTesting = false;
  const onProgress = (phase: string, loaded: number, total: number) => {
    isTesting = phase === 'selftest' && loaded < total;
    post({ type: 'progress', id, progress: { phase: phase as 'download', loaded, total } });
  };

  onProgress('compile', 0, 1);
  const facts = deviceFacts(adapter?.limits, options.facts, options.threads);
  const { glue, threads } = await start(options, backend, facts.relaxedSimd);
  onProgress('compile', 1, 1);

  const broken = whenBroken(glue);
  const handle = new glue.EngineHandle(options.cloud === null ? undefined : JSON.stringify(options.cloud));
  if (options.calibration !== null) handle.setCalibration(options.calibration);
  if (options.model.kind !== 'none') {
    const file = options.model.kind === 'file' ? options.model.file : undefined;
    const model = JSON.stringify(file === undefined ? options.model : { kind: 'file' });
    const ready = () =>
      handle.load(id, model, file, options.storage, backend, onProgress, JSON.stringify(facts));
    await Promise.race([file === undefined ? withLock(model, ready) : ready(), broken]).catch((thrown) => {
      if (!isTesting || adapter === undefined || isBroken(thrown)) throw thrown;
      const error = asErrorData(thrown);
      if (error.code === 'device-lost') throw thrown;
      post({ type: 'gpu-failed', adapter: recordKey(adapter), reason: error.message });
      throw new WrongResult(error);
    });
    const threadsReason = (await threads)?.reason;
    const said = JSON.parse(handle.stats()) as OwnStats;
    // Browsers tell the page the adapter's name and not always the wasm module's WebGPU.
    const name = said.adapter || adapter?.name;
    device = {
      backend,
      ...(name === undefined ? {} : { adapter: name }),
      ...(reason === undefined ? {} : { reason }),
      ...(said.threads === undefined ? {} : { threads: said.threads }),
      ...(threadsReason === undefined ? {} : { threadsReason }),
    };
  }
  return { handle, backend, reason, broken };
}

/** A module that runs, and on the CPU its threads, which may still be starting. */
interface Started {
  glue: Glue;
  threads?: Promise<Threads>;
}

/** Starts the module that suits the device. Threads are tried first: what goes wrong there means one thread. */
async function start(options: EngineOptions, backend: Backend, hasRelaxedSimd: boolean): Promise<Started> {
  if (backend === 'webgpu' || options.model.kind === 'none') {
    return { glue: await instantiate(options, await chooseModule(backend, hasRelaxedSimd)) };
  }
  let threads = threadsFor(options.threads, hasRelaxedSimd);
  if (threads.count > 1) {
    try {
      const glue = await instantiate(options, await threadsModule());
      return { glue, threads: startThreads(glue, threads.count) };
    } catch (thrown) {
      threads = one(asErrorData(thrown).message);
    }
  }
  const glue = await instantiate(options, await chooseModule(backend, hasRelaxedSimd));
  return { glue, threads: Promise.resolve(threads) };
}

async function instantiate<G extends Glue>(options: EngineOptions, module: Module<G>): Promise<G> {
  const { glue, file, url: beside } = module;
  const url = inWasmFolder(file, beside, options.wasmUrl);
  try {
    await glue.default({ module_or_path: url });
    return glue;
  } catch (thrown) {
    throw new TidegateError({
      code: 'internal',
      message: `${url.href} could not be loaded: ${asErrorData(thrown).message}; it needs script-src 'wasm-unsafe-eval'`,
      recoverable: false,
    });
  }
}

/** Two tabs must not write the same file: the second one waits, and finds it there. */
async function withLock(name: string, work: () => Promise<void>): Promise<void> {
  const locks = (globalThis.navigator as Partial<Navigator> | undefined)?.locks;
  await (locks === undefined ? work() : locks.request(`tidegate ${name}`, work));
}

/**
 * Wasm aborts on a panic, and the promises that it made are never settled. So whoever waits for the module
 * waits for this too; the page then starts a new worker and goes on there.
 */
function whenBroken(glue: Glue): Promise<never> {
  const broken = new Promise<never>((_, reject) => {
    const report = (message: string) => {
      reject(new BrokenModule({ code: 'internal', message, recoverable: false }));
    };
    glue.setPanicHandler(report);
    // Traps that are no panics: out of memory, stack overflow.
    const onError = (event: unknown) => {
      const { error, reason } = event as { error?: unknown; reason?: unknown };
      const thrown = error ?? reason;
      if (thrown instanceof WebAssembly.RuntimeError || thrown instanceof RangeError) {
        report(`a defect in Tidegate: ${thrown.name}: ${thrown.message}`);
      }
    };
    scope.addEventListener('error', onError);
    scope.addEventListener('unhandledrejection', onError);
  });
  broken.catch(() => {});
  return broken;
}

class BrokenModule extends TidegateError {}

/** The GPU computed something wrong in the self-test. */
class WrongResult extends TidegateError {}

function isBroken(thrown: unknown): boolean {
  return thrown instanceof BrokenModule;
}

/** What the module tells of itself. */
type OwnStats = Omit<Stats, 'device'> & { adapter?: string; threads?: number };

async function stats(): Promise<Stats> {
  const engine = await loaded;
  return engine === undefined ? { memoryBytes: 0 } : statsOf(engine.handle);
}

function statsOf(handle: Handle): Stats {
  const { adapter: _adapter, threads: _threads, ...rest } = JSON.parse(handle.stats()) as OwnStats;
  return device === undefined ? rest : { device, ...rest };
}

function post(message: FromWorker): void {
  scope.postMessage(message);
}
