import type { ChatCompletion, ChatRequestStreaming, ChatRequestWhole, ChatStream } from './chat.js';
import type { Diagnostics, Engine } from './engine.js';
import { AbortError, asError, disposed, invalid, TidegateError } from './errors.js';
import type { Feedback, FeedbackChange, Learned } from './feedback.js';
import { oneOf, onlyKnown } from './fields.js';
import { tellAll } from './listeners.js';
import { parseEdits } from './masks.js';
import { type CallOptions, isBackground, type Policy, policyData } from './options.js';
import { parseRequest } from './request.js';
import type { Stats } from './stats.js';
import { AnswerStream, Choices, usageOf } from './stream.js';
import type {
  ChatRequest,
  FinishReason,
  MaskEdits,
  MasksEdited,
  Preview,
  Reaction,
  Receipt,
  Route,
} from './types.gen.js';

const REACTIONS: readonly Reaction[] = ['thumbs-up', 'thumbs-down', 'retry', 'edit', 'escalate', 'kept'];

/** What can be listened to. */
export interface Events {
  /** A query was routed: where to, and why. Again if the answer that was begun is given up before it was shown. */
  route: Route;
  /** A query was answered. */
  receipt: Receipt;
  /** A query was not answered; aborts are not reported. */
  error: TidegateError;
}

/** A model in the page and, if configured, a private way to a larger one. */
export interface Tidegate extends AsyncDisposable {
  readonly chat: {
    readonly completions: {
      /** Answers in pieces. Resolves once it is decided where; rejects if nothing may answer. */
      create(request: ChatRequestStreaming, options?: CallOptions): Promise<ChatStream>;
      /** Answers in one piece. */
      create(request: ChatRequestWhole, options?: CallOptions): Promise<ChatCompletion>;
      create(request: ChatRequest, options?: CallOptions): Promise<ChatCompletion | ChatStream>;
    };
  };
  /** What would happen to a request now, without doing it. */
  route(request: ChatRequest, options?: CallOptions): Promise<Route>;
  /**
   * What of a request would leave the device, span by span. Without a cloud nothing finds names and addresses, and it
   * shows what has a form alone.
   */
  preview(request: ChatRequest, options?: CallOptions): Promise<Preview>;
  /**
   * Adds masks and takes masks away, by text, for the rest of the conversation; of two edits of one text the later
   * counts. What is restricted or never leaves stays masked, and `refused` names it.
   */
  editMasks(edits: MaskEdits, options?: CallOptions): Promise<MasksEdited>;
  /**
   * The conversation's placeholders and mask edits, so that it can go on after a reload. The text holds the personal
   * values in the clear: encrypt it where it is kept.
   */
  saveVault(): Promise<string>;
  /** Goes on with a conversation whose vault was saved; what was there before is wiped. */
  loadVault(saved: string): Promise<void>;
  /** Calls `listener` on every event; the function that comes back stops that. */
  on<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): () => void;
  /**
   * Ends the conversation: wipes which placeholder stood for which personal value, and how masks were edited.
   * Within a conversation the same value keeps its placeholder.
   */
  forget(): Promise<void>;
  /** What people do with the page's answers, and what is learned from that. */
  readonly feedback: Feedback;
  stats(): Stats;
  /** For tests and benchmarks. */
  readonly diagnostics: Diagnostics;
  /** Stops all work and frees the model's memory. Calls in flight reject with `disposed`. */
  dispose(): Promise<void>;
}

/** The one `Tidegate`, over any engine. */
export class EngineTidegate implements Tidegate {
  readonly chat: Tidegate['chat'];
  readonly #engine: Engine;
  readonly #policy: Policy | undefined;
  readonly #hasCloud: boolean;
  readonly #closed = new AbortController();
  readonly #listeners: { [E in keyof Events]: Set<(value: Events[E]) => void> } = {
    route: new Set(),
    receipt: new Set(),
    error: new Set(),
  };
  #answers = 0;

  constructor(engine: Engine, policy: Policy | undefined, hasCloud: boolean) {
    this.#engine = engine;
    this.#policy = policy;
    this.#hasCloud = hasCloud;
    policyData(hasCloud, policy); // refuses a bad policy now, not at the first question
    this.chat = {
      completions: { create: this.#create.bind(this) as Tidegate['chat']['completions']['create'] },
    };
  }

  async route(request: ChatRequest, options?: CallOptions): Promise<Route> {
    return this.#look(options, (policy) => this.#engine.route(parseRequest(request), policy));
  }

  async preview(request: ChatRequest, options?: CallOptions): Promise<Preview> {
    return this.#look(options, (policy) => this.#engine.preview(parseRequest(request), policy));
  }

  async editMasks(edits: MaskEdits, options?: CallOptions): Promise<MasksEdited> {
    return this.#look(options, (policy) => this.#engine.editMasks(parseEdits(edits), policy));
  }

  readonly feedback: Feedback = {
    note: (reaction, options) => {
      oneOf('reaction', reaction, REACTIONS);
      return this.#look(options, (policy) => this.#engine.feedback({ kind: 'note', reaction, policy }));
    },
    load: async (saved) => {
      if (typeof saved !== 'string') throw invalid('feedback.load: expected what was saved');
      return this.#learn({ kind: 'load', saved });
    },
    reset: () => this.#learn({ kind: 'reset' }),
    look: () => this.#learn({ kind: 'look' }),
  };

  async saveVault(): Promise<string> {
    throwIfAborted(this.#closed.signal);
    return this.#engine.saveVault();
  }

  async loadVault(saved: string): Promise<void> {
    throwIfAborted(this.#closed.signal);
    if (typeof saved !== 'string') throw invalid('loadVault: expected what saveVault() gave');
    await this.#engine.loadVault(saved);
  }

  on<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): () => void {
    const listeners = this.#listeners[event];
    if (listeners === undefined) throw new TypeError(`no event named ${JSON.stringify(event)}`);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  async forget(): Promise<void> {
    throwIfAborted(this.#closed.signal);
    await this.#engine.forget();
  }

  stats(): Stats {
    return this.#engine.stats();
  }

  get diagnostics(): Diagnostics {
    return this.#engine.diagnostics;
  }

  async dispose(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort(disposed());
    await this.#engine.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async #create(request: ChatRequest, options: CallOptions = {}): Promise<ChatCompletion | ChatStream> {
    onlyKnown('options', options, ['signal', 'policy', 'priority']);
    const parsed = parseRequest(request);
    const background = isBackground(options);
    const waits: Policy | undefined = background ? { patience: 'patient' } : undefined;
    const policy = policyData(this.#hasCloud, waits, this.#policy, options.policy);
    const consent = options.policy?.beforeCloud ?? this.#policy?.beforeCloud;
    const whenDoubtful = options.policy?.whenDoubtful ?? this.#policy?.whenDoubtful;
    const left = new AbortController();
    const signal = AbortSignal.any([
      this.#closed.signal,
      left.signal,
      ...(options.signal === undefined ? [] : [options.signal]),
    ]);
    throwIfAborted(signal);

    this.#answers += 1;
    const envelope = {
      id: `chatcmpl-${this.#answers}`,
      created: Math.floor(Date.now() / 1000),
      model: parsed.model ?? this.#engine.model,
    };
    const stream = new AnswerStream(envelope, parsed.stream_options?.include_usage === true, (reason) =>
      left.abort(reason),
    );
    const choices = new Choices();
    let done: { finish_reasons: FinishReason[]; receipt: Receipt } | undefined;
    let routed: () => void = () => {};
    const isRouted = new Promise<void>((resolve) => {
      routed = resolve;
    });

    const answered = this.#engine
      .answer({
        request: parsed,
        policy,
        consent,
        whenDoubtful,
        signal,
        background,
        onEvent: (event) => {
          stream.event(event);
          if (event.type === 'route') {
            routed();
            this.#tell('route', event.route);
          } else if (event.type === 'text') {
            choices.push(event);
          } else {
            done = event;
            this.#tell('receipt', event.receipt);
          }
        },
      })
      .then(() => {
        if (done === undefined) throw noEnd();
        return done;
      })
      .catch((thrown: unknown) => {
        const error = asError(thrown);
        stream.fail(error);
        if (error instanceof TidegateError) this.#tell('error', error);
        throw error;
      });

    if (parsed.stream === true) {
      await Promise.race([isRouted, answered]);
      answered.catch(() => {}); // from here on the stream reports it
      return stream;
    }
    const { finish_reasons, receipt } = await answered;
    return {
      ...envelope,
      object: 'chat.completion',
      choices: choices.finish(finish_reasons),
      usage: usageOf(receipt),
      receipt,
    };
  }

  async #learn(change: FeedbackChange): Promise<Learned> {
    throwIfAborted(this.#closed.signal);
    return this.#engine.feedback(change);
  }

  async #look<T>(
    options: CallOptions = {},
    look: (policy: ReturnType<typeof policyData>) => Promise<T>,
  ): Promise<T> {
    onlyKnown('options', options, ['signal', 'policy']);
    throwIfAborted(this.#closed.signal);
    if (options.signal !== undefined) throwIfAborted(options.signal);
    return look(policyData(this.#hasCloud, this.#policy, options.policy));
  }

  #tell<E extends keyof Events>(event: E, value: Events[E]): void {
    tellAll(this.#listeners[event], value);
  }
}

/** Throws what a call rejects with once `signal` is aborted. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortedBy(signal);
}

/** What a call rejects with once `signal` is aborted: an error of ours as it is, else an `AbortError`. */
export function abortedBy(signal: AbortSignal): Error {
  return signal.reason instanceof TidegateError ? signal.reason : new AbortError(signal.reason);
}

function noEnd(): TidegateError {
  return new TidegateError({
    code: 'internal',
    message: 'the engine ended without an answer',
    recoverable: false,
  });
}
