import { asError, asErrorData, TidegateError } from './errors.js';
import type { GpuRecord } from './gpu-record.js';
import { type Consent, consentData } from './masks.js';
import type { Progress, TokenSource, WhenDoubtful } from './options.js';
import type { CallName, Calls, FromWorker, Journal, TakenToken, ToWorker } from './protocol.js';
import type { Stats } from './stats.js';
import { abortedBy } from './tidegate.js';
import type { AnswerEvent, DeviceSignals, Doubt, ErrorData, Preview } from './types.gen.js';

/** What a call may say or ask before it ends. */
export interface Listener {
  onProgress?: (progress: Progress) => void;
  onEvent?: (event: AnswerEvent) => void;
  onToken?: (token: Journal['tokens'][number]) => void;
  onConsent?: Consent;
  onDoubt?: WhenDoubtful;
  tokens?: TokenSource;
}

interface Pending extends Listener {
  resolve(value: never): void;
  reject(error: Error): void;
}

/** Messages about one call. */
type ToCall = Exclude<FromWorker, { type: 'crashed' | 'gpu-failed' | 'ask-gpu' }>;

/** One worker and the calls that wait for it. */
export class Connection {
  /** The worker's last word about itself. */
  stats: Stats = { memoryBytes: 0 };
  /** The conversation's vault as the worker last told it; it never leaves the page. */
  vault: string | undefined;
  /** The GPU that the worker opened, as the record names it. */
  gpu: string | undefined;
  /** It ended by itself, and not because of a call. */
  crashed = false;
  readonly #worker: Worker;
  readonly #record: GpuRecord;
  readonly #pending = new Map<number, Pending>();
  readonly #onClose: () => void;
  #closed: Error | undefined;
  #ids = 0;

  /** `onClose` is called once, when the worker is gone: crashed, or closed from here. */
  constructor(worker: Worker, record: GpuRecord, onClose: () => void) {
    this.#worker = worker;
    this.#record = record;
    this.#onClose = onClose;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data);
    worker.onerror = (event) => {
      event.preventDefault();
      const what =
        event.message ?? 'its script could not be loaded; is it served, and allowed by worker-src?';
      this.#crash(crash(`the worker failed: ${what}`));
    };
    worker.onmessageerror = () => this.#crash(crash('the worker sent something that cannot be read'));
  }

  /** Asks the worker. An abort rejects at once; the worker hears of it and stops by itself. */
  call<C extends CallName>(
    type: C,
    ask: Calls[C]['ask'],
    signal?: AbortSignal,
    listener: Listener = {},
  ): Promise<Calls[C]['result']> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (signal?.aborted) return Promise.reject(abortedBy(signal));
    this.#ids += 1;
    const id = this.#ids;
    return new Promise<Calls[C]['result']>((resolve, reject) => {
      const settle = () => {
        this.#pending.delete(id);
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = () => {
        settle();
        this.#send({ type: 'abort', id });
        reject(signal === undefined ? asError(undefined) : abortedBy(signal));
      };
      this.#pending.set(id, {
        ...listener,
        resolve: (value) => {
          settle();
          resolve(value);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      signal?.addEventListener('abort', onAbort);
      this.#send({ type, id, ...ask } as ToWorker);
    });
  }

  /** Tells the worker whether someone sees the page. */
  tellSeen(seen: boolean): void {
    this.#send({ type: 'seen', id: 0, seen });
  }

  /** Tells the worker what the device says of itself. */
  tellSignals(signals: DeviceSignals): void {
    this.#send({ type: 'signals', id: 0, signals });
  }

  /** Ends the worker; calls in flight reject with `error`. */
  close(error: Error): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#worker.terminate();
    for (const call of [...this.#pending.values()]) call.reject(error);
    this.#onClose();
  }

  #receive(message: FromWorker): void {
    if (message.type === 'crashed') {
      this.#crash(new TidegateError(message.error));
      return;
    }
    if (message.type === 'gpu-failed') {
      this.#record.fail(message.adapter, message.reason);
      return;
    }
    if (message.type === 'ask-gpu') {
      this.#answerGpu(message);
      return;
    }
    const call = this.#pending.get(message.id);
    if ('stats' in message && message.stats != null) this.stats = message.stats;
    if ('vault' in message && message.vault !== undefined) this.vault = message.vault;
    if (call === undefined) return; // aborted in the meantime
    try {
      this.#dispatch(message, call);
    } catch (thrown) {
      // Whoever waits for the call would wait forever for what was in the message.
      this.#send({ type: 'abort', id: message.id });
      const { message: why } = asErrorData(thrown);
      const what = `what the engine said could not be used (${why}); are the package's files all of one version?`;
      call.reject(crash(what));
    }
  }

  #dispatch(message: ToCall, call: Pending): void {
    if (message.type === 'progress') call.onProgress?.(message.progress);
    else if (message.type === 'event') call.onEvent?.(message.event);
    else if (message.type === 'token') call.onToken?.(message.token);
    else if (message.type === 'ask-consent') void this.#askConsent(message.id, call, message.preview);
    else if (message.type === 'ask-doubt') void this.#askDoubt(message.id, call, message.doubt);
    else if (message.type === 'ask-token') void this.#takeToken(message.id, call);
    else if (message.type === 'result') call.resolve(message.value as never);
    else call.reject(new TidegateError(message.error));
  }

  #crash(error: Error): void {
    this.crashed = true;
    this.close(error);
  }

  #answerGpu({ id, adapter, forced }: Extract<FromWorker, { type: 'ask-gpu' }>): void {
    if (forced) this.#record.forget(adapter);
    const refusal = this.#record.refusal(adapter) ?? null;
    if (refusal === null) {
      this.gpu = adapter;
      this.#record.begin(adapter);
    }
    this.#send({ type: 'gpu', id, refusal });
  }

  async #askConsent(id: number, call: Pending, preview: Preview): Promise<void> {
    try {
      const decision = consentData(await call.onConsent?.(preview));
      this.#send({ type: 'consent', id, decision });
    } catch (thrown) {
      // The app's callback failed: nothing leaves, and the call ends with the app's own error.
      this.#send({ type: 'abort', id });
      call.reject(asError(thrown));
    }
  }

  async #askDoubt(id: number, call: Pending, doubt: Doubt): Promise<void> {
    try {
      const cloud = (await call.onDoubt?.(doubt)) === true;
      this.#send({ type: 'doubt', id, cloud });
    } catch (thrown) {
      this.#send({ type: 'abort', id });
      call.reject(asError(thrown));
    }
  }

  /** What goes wrong with it goes wrong with the cloud: the page may still answer. */
  async #takeToken(id: number, { tokens }: Pending): Promise<void> {
    let taken: TakenToken;
    try {
      const token = await tokens?.take();
      if (typeof token !== 'string') throw new TypeError('cloud.tokens.take() gave no token');
      taken = { token };
    } catch (thrown) {
      const { code, message, recoverable } = asErrorData(thrown);
      taken = {
        error:
          code === 'internal'
            ? { code: 'token-unavailable', message, recoverable: true }
            : { code, message, recoverable },
      };
    }
    this.#send({ type: 'token-taken', id, taken });
  }

  #send(message: ToWorker): void {
    if (this.#closed === undefined) this.#worker.postMessage(message);
  }
}

function crash(message: string): TidegateError {
  return new TidegateError({ ...asErrorData(message), message } satisfies ErrorData);
}
