import type { ChatRequest, FinishReason, Receipt, Usage } from './types.gen.js';

/** An answer, in the shape of OpenAI's chat completions, with a receipt. */
export interface ChatCompletion {
  id: string;
  object: 'chat.completion';
  /** Seconds since 1970. */
  created: number;
  model: string;
  choices: [
    {
      index: 0;
      message: { role: 'assistant'; content: string };
      finish_reason: FinishReason;
      logprobs: null;
    },
  ];
  usage: Usage;
  /** Where it was answered, why, and exactly what left the device. */
  receipt: Receipt;
}

/** A piece of a streamed answer. */
export interface ChatCompletionChunk {
  id: string;
  object: 'chat.completion.chunk';
  /** Seconds since 1970. */
  created: number;
  model: string;
  /** Empty in the last chunk of a request with `stream_options.include_usage`. */
  choices: {
    index: 0;
    delta: { role?: 'assistant'; content?: string };
    finish_reason: FinishReason | null;
    logprobs: null;
  }[];
  /** Only with `stream_options.include_usage`: null but in the last chunk. */
  usage?: Usage | null;
}

/** A streamed answer. It can be read once, by a loop or as a `ReadableStream`; leaving the loop stops the work. */
export interface ChatStream extends AsyncIterable<ChatCompletionChunk> {
  toReadableStream(): ReadableStream<ChatCompletionChunk>;
  /** Settles at the end of the answer; rejects with the error that the stream ends with. */
  readonly receipt: Promise<Receipt>;
}

export type ChatRequestStreaming = ChatRequest & { stream: true };
export type ChatRequestWhole = ChatRequest & { stream?: false };
