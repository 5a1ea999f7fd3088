import { Connection } from './connection.js';
import type { AnswerCall, Diagnostics, Engine } from './engine.js';
import { asError, disposed, type TidegateError } from './errors.js';
import type { FeedbackChange, Learned } from './feedback.js';
import { GpuRecord } from './gpu-record.js';
import { type EngineOptions, type Progress, policyData } from './options.js';
import type { CallName, Calls, Journal } from './protocol.js';
import { DeviceWatch } from './signals.js';
import type { Stats } from './stats.js';
import type {
  AnswerEvent,
  ChatRequest,
  MaskEdits,
  MasksEdited,
  Policy,
  Preview,
  Route,
} from './types.gen.js';

/** So often one answer goes on in a new worker: once on the same device, once on the CPU. */
const RESCUES = 2;

/** How to get an engine ready. */
export interface Opening {
  options: EngineOptions;
  workerUrl: string | URL | undefined;
  signal: AbortSignal;
  onProgress(progress: Progress): void;
}

/**
 * The engine in a dedicated worker. A worker that crashed, or lost its GPU, is replaced at the next call; an answer
 * that it was giving goes on in the new one from the same token, and the conversation keeps its placeholders.
 */
export class RemoteEngine implements Engine {
  readonly #opening: Opening;
  #connection: Connection | undefined;
  /** The newest one, also after it closed. */
  #last: Connection | undefined;
  #ready: Promise<Connection> | undefined;
  #stats: Stats = { memoryBytes: 0 };
  /** The conversation's vault as a worker that is gone last told it. */
  #vault: string | undefined;
  /** What was learned of people's reactions, for the next worker. */
  #learned: string | undefined;
  #disposed = false;
  readonly #record = new GpuRecord();
  /** Why the GPU is no longer used: it was lost again and again. */
  #avoidGpu: string | null = null;
  /** Times that a GPU was lost since it last gave a whole answer. */
  #lost = 0;
  /** A page that is closed or left in order did not crash. */
  readonly #onPageHide = () => this.#endOfGpu();

  /** Only where there is a choice: without a cloud, nothing of the device changes where it is answered. */
  readonly #device: DeviceWatch | undefined;

  /** The GPU is also what draws the page: less at a time while someone looks. */
  readonly #onSeen = () => this.#connection?.tellSeen(isSeen());

  private constructor(opening: Opening) {
    this.#opening = opening;
    if (opening.options.cloud !== null) {
      this.#device = new DeviceWatch((signals) => this.#connection?.tellSignals(signals));
    }
    globalThis.addEventListener?.('pagehide', this.#onPageHide);
    globalThis.document?.addEventListener('visibilitychange', this.#onSeen);
  }

  /** Starts a worker and gets the model ready in it. */
  static async open(opening: Opening): Promise<RemoteEngine> {
    const engine = new RemoteEngine(opening);
    engine.#ready = engine.#open(opening.signal);
    await engine.#ready;
    return engine;
  }

  readonly diagnostics: Diagnostics = {
    greedy: (prompt, maxTokens) => this.#call('greedy', { prompt, maxTokens }),
    dispatchCost: (operations) => this.#call('dispatchCost', { operations }),
    detectionCost: (request) =>
      this.#call('detectionCost', { request, policy: policyData(true, { mode: 'prefer-local' }) }),
    decisionCost: (request) =>
      this.#call('decisionCost', { request, policy: policyData(true, { mode: 'prefer-local' }) }),
    lastRecord: async () => (await this.#call('lastRecord', {})) ?? undefined,
  };

  get model(): string {
    return this.stats().model?.name ?? 'none';
  }

  async answer(call: AnswerCall): Promise<void> {
    const { request, policy, onEvent, consent, whenDoubtful, tokens, signal, background } = call;
    const journal: Journal = { seed: crypto.getRandomValues(new Uint32Array(1))[0] ?? 0, tokens: [] };
    const ask = {
      request,
      policy,
      wantsConsent: consent !== undefined,
      wantsDoubt: whenDoubtful !== undefined,
      hasTokens: tokens !== undefined,
      journal,
      background,
    };
    let routedTo: string | undefined;
    let hasText = false;
    let escalated = false;
    const listener = {
      onEvent: (event: AnswerEvent) => {
        const again = event.type === 'route' && event.route.target === routedTo;
        if (event.type === 'route') {
          escalated ||= routedTo !== undefined && !again;
          routedTo = event.route.target;
        }
        if (event.type === 'text') hasText = true;
        if (event.type === 'done') this.#endOfGpu();
        if (!again) onEvent(event);
      },
      onToken: (token: Journal['tokens'][number]) => journal.tokens.push(token),
      ...(consent === undefined ? {} : { onConsent: consent }),
      ...(whenDoubtful === undefined ? {} : { onDoubt: whenDoubtful }),
      ...(tokens === undefined ? {} : { tokens }),
    };
    for (let rescues = 0; ; rescues += 1) {
      const connection = await this.#connect();
      try {
        await connection.call('answer', ask, signal, listener);
        return;
      } catch (thrown) {
        const error = asError(thrown);
        const isLost = connection.crashed || (error as Partial<TidegateError>).code === 'device-lost';
        if (isLost) this.#lose(connection, error);
        // Nothing may be sent twice, so only what was answered here goes on; and no text may come twice.
        // After an escalation, the tokens are of more than one answer.
        const canGoOn = !escalated && (journal.tokens.length > 0 || (routedTo === 'local' && !hasText));
        // Text that was held back is lost: the same tokens come again, with their text.
        if (!hasText) journal.tokens.length = 0;
        if (!isLost || !canGoOn || signal.aborted || this.#disposed || rescues === RESCUES) throw error;
        ask.policy = { ...policy, mode: 'local-only' };
      }
    }
  }

  /** The connection's worker, or its GPU, is gone. */
  #lose(connection: Connection, error: Error): void {
    connection.close(error); // frees what is left
    if (connection.gpu === undefined || connection !== this.#last) return;
    this.#last = undefined; // several calls may have lost the same one
    this.#lost += 1;
    if (this.#lost >= RESCUES && this.#opening.options.device === 'auto') {
      this.#avoidGpu = `the GPU was lost ${this.#lost} times: ${error.message}`;
    }
  }

  /** What used the GPU came to a good end. */
  #endOfGpu(): void {
    const gpu = this.#connection?.gpu;
    if (gpu === undefined) return;
    this.#lost = 0;
    this.#record.end(gpu);
  }

  route(request: ChatRequest, policy: Policy): Promise<Route> {
    return this.#call('route', { request, policy });
  }

  preview(request: ChatRequest, policy: Policy): Promise<Preview> {
    return this.#call('preview', { request, policy });
  }

  editMasks(edits: MaskEdits, policy: Policy): Promise<MasksEdited> {
    return this.#call('editMasks', { edits, policy });
  }

  async feedback(change: FeedbackChange): Promise<Learned> {
    const learned = await this.#call('feedback', { change });
    this.#learned = learned.saved;
    return learned;
  }

  saveVault(): Promise<string> {
    return this.#call('saveVault', {});
  }

  async loadVault(saved: string): Promise<void> {
    await this.#call('loadVault', { saved });
  }

  async forget(): Promise<void> {
    await this.#call('forget', {});
  }

  stats(): Stats {
    this.#stats = this.#connection?.stats ?? this.#stats;
    return this.#stats;
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#device?.stop();
    this.#vault = undefined;
    globalThis.removeEventListener?.('pagehide', this.#onPageHide);
    globalThis.document?.removeEventListener('visibilitychange', this.#onSeen);
    this.#endOfGpu();
    this.#connection?.close(disposed()); // ends the worker, and with it all its memory, the GPU's too
  }

  async #call<C extends CallName>(name: C, ask: Calls[C]['ask']): Promise<Calls[C]['result']> {
    return (await this.#connect()).call(name, ask);
  }

  #connect(): Promise<Connection> {
    if (this.#disposed) return Promise.reject(disposed());
    this.#ready ??= this.#open();
    return this.#ready;
  }

  async #open(signal?: AbortSignal): Promise<Connection> {
    const { options, workerUrl, onProgress } = this.#opening;
    const connection = new Connection(startWorker(workerUrl), this.#record, () => {
      this.#stats = connection.stats;
      this.#vault = connection.vault ?? this.#vault;
      this.#connection = undefined;
      this.#ready = undefined;
    });
    this.#connection = connection;
    this.#last = connection;
    try {
      const opened = connection.call('open', { options, avoidGpu: this.#avoidGpu }, signal, { onProgress });
      connection.tellSeen(isSeen());
      if (this.#device !== undefined) connection.tellSignals(this.#device.signals);
      await opened;
      if (this.#vault !== undefined) await connection.call('loadVault', { saved: this.#vault });
      if (this.#learned !== undefined) {
        await connection.call('feedback', { change: { kind: 'load', saved: this.#learned } });
      }
    } catch (error) {
      // A load that was stopped, or found a defect elsewhere, says nothing about the GPU.
      if (!connection.crashed && connection.gpu !== undefined) this.#record.end(connection.gpu);
      connection.close(asError(error)); // what it downloaded is in the file; nothing needs a farewell
      const brokeOnGpu = connection.crashed && connection.gpu !== undefined;
      if (!brokeOnGpu || options.device !== 'auto' || this.#disposed) throw error;
      this.#avoidGpu = `the GPU failed: ${asError(error).message}`;
      this.#ready = this.#open(signal);
      return this.#ready;
    }
    return connection;
  }
}

/** Workers, which have no document, may belong to a page that is seen. */
function isSeen(): boolean {
  return globalThis.document?.visibilityState !== 'hidden';
}

function startWorker(url: string | URL | undefined): Worker {
  // The literal form is what bundlers look for.
  return url === undefined
    ? new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'tidegate' })
    : new Worker(url, { type: 'module', name: 'tidegate' });
}
