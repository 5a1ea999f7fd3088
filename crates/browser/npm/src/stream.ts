import type { ChatCompletion, ChatCompletionChunk, ChatStream, Choice, ChoiceLogprobs } from './chat.js';
import { asError } from './errors.js';
import type { AnswerEvent, FinishReason, Piece, Receipt, ToolCall, Usage } from './types.gen.js';

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
  /** Calls of tools so far, by answer. */
  readonly #calls: number[] = [];
  /** Answers whose first chunk is out. */
  #begun = 0;

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
    this.#begin(0);
  }

  /** The next event of the answer. */
  event(event: AnswerEvent): void {
    if (event.type === 'text') {
      for (let index = this.#begun; index <= event.index; index += 1) this.#begin(index);
      const logprobs = event.logprobs === undefined ? null : { content: event.logprobs };
      this.#push(event.index, this.#delta(event), null, logprobs);
    }
    if (event.type === 'done') {
      event.finish_reasons.forEach((reason, index) => {
        if (index >= this.#begun) this.#begin(index);
        this.#push(index, {}, reason);
      });
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

  #delta({ index, text, tool_calls, refusal }: Piece): ChatCompletionChunk['choices'][number]['delta'] {
    const delta: ChatCompletionChunk['choices'][number]['delta'] = {};
    if (tool_calls !== undefined) {
      const before = this.#calls[index] ?? 0;
      this.#calls[index] = before + tool_calls.length;
      delta.tool_calls = tool_calls.map((call, at) => ({ index: before + at, ...call }));
    }
    if (refusal !== undefined) delta.refusal = refusal;
    if (text !== '' || (tool_calls === undefined && refusal === undefined)) delta.content = text;
    return delta;
  }

  #begin(index: number): void {
    this.#begun = index + 1;
    this.#push(index, { role: 'assistant', content: '' }, null);
  }

  #push(
    index: number,
    delta: ChatCompletionChunk['choices'][number]['delta'],
    finish_reason: ChatCompletionChunk['choices'][number]['finish_reason'],
    logprobs: ChoiceLogprobs | null = null,
  ): void {
    const chunk = { ...this.#chunk(), choices: [{ index, delta, finish_reason, logprobs }] };
    this.#waiting.push(this.#includeUsage ? { ...chunk, usage: null } : chunk);
    this.#wake();
  }

  #chunk() {
    return { ...this.#envelope, object: 'chat.completion.chunk' as const };
  }
}

/** The pieces of all answers, put together. */
export class Choices {
  readonly #texts: string[] = [];
  readonly #logprobs: ChoiceLogprobs[] = [];
  readonly #refusals: string[] = [];
  readonly #calls: ToolCall[][] = [];

  push({ index, text, logprobs, tool_calls, refusal }: Piece): void {
    this.#texts[index] = (this.#texts[index] ?? '') + text;
    if (tool_calls !== undefined) this.#calls[index] = [...(this.#calls[index] ?? []), ...tool_calls];
    if (refusal !== undefined) this.#refusals[index] = refusal;
    if (logprobs !== undefined) {
      const known = this.#logprobs[index] ?? { content: [] };
      known.content.push(...logprobs);
      this.#logprobs[index] = known;
    }
  }

  /** One reason for each answer. */
  finish([first, ...others]: FinishReason[]): ChatCompletion['choices'] {
    return [
      this.#choice(first ?? 'stop', 0),
      ...others.map((reason, index) => this.#choice(reason, index + 1)),
    ];
  }

  #choice(finish_reason: FinishReason, index: number): Choice {
    const refusal = this.#refusals[index] ?? null;
    const calls = this.#calls[index];
    const content = refusal === null ? (this.#texts[index] ?? '') : '';
    return {
      index,
      message: { role: 'assistant', content, refusal, ...(calls === undefined ? {} : { tool_calls: calls }) },
      finish_reason,
      logprobs: this.#logprobs[index] ?? null,
    };
  }
}

/** Tokens over both tiers. */
export function usageOf({ usage: { local, cloud } }: Receipt): Usage {
  const details = local.prompt_tokens_details ?? cloud.prompt_tokens_details;
  return {
    prompt_tokens: local.prompt_tokens + cloud.prompt_tokens,
    completion_tokens: local.completion_tokens + cloud.completion_tokens,
    total_tokens: local.total_tokens + cloud.total_tokens,
    ...(details === undefined ? {} : { prompt_tokens_details: details }),
  };
}
