import type { ChatCompletionChunk, ChatStream } from './chat.js';
import { asError } from './errors.js';
import type { AnswerEvent, Receipt, Usage } from './types.gen.js';

/** The fields that every chunk of an answer repeats. */
export interface Envelope {
  id: string;
  created: number;
  model: string;
}

interface Settle {
  resolve(receipt: Receipt): void;
  reject(error: Error): void;
}

/** Turns an engine's events into OpenAI's chunks, and hands them to one reader in order. */
export class AnswerStream implements ChatStream {
  readonly receipt: Promise<Receipt>;
  readonly #envelope: Envelope;
  readonly #includeUsage: boolean;
  readonly #stop: (reason: unknown) => void;
  readonly #waiting: ChatCompletionChunk[] = [];
  #ended: { error?: Error } | undefined;
  #wake: () => void = () => {};
  #settle: Settle = { resolve: () => {}, reject: () => {} }; // replaced before the constructor ends
  #taken = false;

  /** `stop` is called when the reader leaves before the end. */
  constructor(envelope: Envelope, includeUsage: boolean, stop: (reason: unknown) => void) {
    this.#envelope = envelope;
    this.#includeUsage = includeUsage;
    this.#stop = stop;
    this.receipt = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Who reads the stream sees the error there; the receipt must not report it a second time as unhandled.
    this.receipt.catch(() => {});
    this.#push({ role: 'assistant', content: '' }, null);
  }

  /** The next event of the answer. */
  event(event: AnswerEvent): void {
    if (event.type === 'text' && event.text !== '') this.#push({ content: event.text }, null);
    if (event.type === 'done') {
      this.#push({}, event.finish_reason);
      if (this.#includeUsage) {
        this.#waiting.push({ ...this.#chunk(), choices: [], usage: usageOf(event.receipt) });
      }
      this.#settle.resolve(event.receipt);
      this.#end({});
    }
  }

  /** The answer broke off. What came before it is still delivered. */
  fail(error: Error): void {
    this.#settle.reject(error);
    this.#end({ error });
  }

  toReadableStream(): ReadableStream<ChatCompletionChunk> {
    if (this.#taken) throw new TypeError('this answer is already being read');
    this.#taken = true;
    return new ReadableStream(
      {
        pull: async (controller) => {
          const { done, value } = await this.#next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: (reason) => this.#leave(reason),
      },
      { highWaterMark: 0 },
    );
  }

  [Symbol.asyncIterator](): AsyncIterator<ChatCompletionChunk> {
    if (this.#taken) throw new TypeError('this answer is already being read');
    this.#taken = true;
    return {
      next: () => this.#next(),
      return: async () => {
        this.#leave(new Error('the reader left before the end of the answer'));
        return { done: true, value: undefined };
      },
    };
  }

  async #next(): Promise<IteratorResult<ChatCompletionChunk, undefined>> {
    for (;;) {
      const chunk = this.#waiting.shift();
      if (chunk !== undefined) return { done: false, value: chunk };
      if (this.#ended?.error !== undefined) throw this.#ended.error;
      if (this.#ended !== undefined) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #leave(reason: unknown): void {
    if (this.#ended !== undefined) return;
    this.#stop(reason);
    this.fail(asError(reason));
  }

  #end(ended: { error?: Error }): void {
    this.#ended ??= ended;
    this.#wake();
  }

  #push(
    delta: ChatCompletionChunk['choices'][number]['delta'],
    finish_reason: ChatCompletionChunk['choices'][number]['finish_reason'],
  ): void {
    const chunk = {
      ...this.#chunk(),
      choices: [{ index: 0 as const, delta, finish_reason, logprobs: null }],
    };
    this.#waiting.push(this.#includeUsage ? { ...chunk, usage: null } : chunk);
    this.#wake();
  }

  #chunk() {
    return { ...this.#envelope, object: 'chat.completion.chunk' as const };
  }
}

/** Tokens over both tiers. */
export function usageOf({ usage: { local, cloud } }: Receipt): Usage {
  return {
    prompt_tokens: local.prompt_tokens + cloud.prompt_tokens,
    completion_tokens: local.completion_tokens + cloud.completion_tokens,
    total_tokens: local.total_tokens + cloud.total_tokens,
  };
}
