import { Connection } from './connection.js';
import type { AnswerCall, Diagnostics, Engine } from './engine.js';
import { asError, disposed } from './errors.js';
import type { EngineOptions, Progress } from './options.js';
import type { CallName, Calls } from './protocol.js';
import type { Stats } from './stats.js';
import type { ChatRequest, Policy, Preview, Route } from './types.gen.js';

/** How to get an engine ready. */
export interface Opening {
  options: EngineOptions;
  workerUrl: string | URL | undefined;
  signal: AbortSignal;
  onProgress(progress: Progress): void;
}

/** The engine in a dedicated worker. A worker that crashed is replaced at the next call. */
export class RemoteEngine implements Engine {
  readonly #opening: Opening;
  #connection: Connection | undefined;
  #ready: Promise<Connection> | undefined;
  #stats: Stats = { memoryBytes: 0 };
  #disposed = false;

  private constructor(opening: Opening) {
    this.#opening = opening;
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
  };

  get model(): string {
    return this.stats().model?.name ?? 'none';
  }

  async answer({ request, policy, onEvent, consent, signal }: AnswerCall): Promise<void> {
    const ask = { request, policy, wantsConsent: consent !== undefined };
    const listener = consent === undefined ? { onEvent } : { onEvent, onConsent: consent };
    const connection = await this.#connect();
    await connection.call('answer', ask, signal, listener);
  }

  route(request: ChatRequest, policy: Policy): Promise<Route> {
    return this.#call('route', { request, policy });
  }

  preview(request: ChatRequest, policy: Policy): Promise<Preview> {
    return this.#call('preview', { request, policy });
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
    const connection = new Connection(startWorker(workerUrl), () => {
      this.#stats = connection.stats;
      this.#connection = undefined;
      this.#ready = undefined;
    });
    this.#connection = connection;
    try {
      await connection.call('open', { options }, signal, { onProgress });
    } catch (error) {
      connection.close(asError(error)); // what it downloaded is in the file; nothing needs a farewell
      throw error;
    }
    return connection;
  }
}

function startWorker(url: string | URL | undefined): Worker {
  // The literal form is what bundlers look for.
  return url === undefined
    ? new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'tidegate' })
    : new Worker(url, { type: 'module', name: 'tidegate' });
}
