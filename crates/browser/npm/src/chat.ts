import type { ChatRequest, FinishReason, Receipt, TokenLogprob, ToolCall, Usage } from './types.gen.js';

/** The tokens of an answer and their probabilities; only with `logprobs: true`. */
export interface ChoiceLogprobs {
  content: TokenLogprob[];
}

/** One of `n` answers. */
export interface Choice {
  index: number;
  message: {
    role: 'assistant';
    content: string;
    /**
     * Set, and `content` empty, if the answer was cut off before it was what `response_format` asks for: half
     * of a JSON text is not handed out as an answer.
     */
    refusal: string | null;
    /** With `finish_reason: 'tool_calls'`: what the app is asked to call. */
    tool_calls?: ToolCall[];
  };
  finish_reason: FinishReason;
  logprobs: ChoiceLogprobs | null;
}

/** An answer, in the shape of OpenAI's chat completions, with a receipt. */
export interface ChatCompletion {
  id: string;
  object: 'chat.completion';
  /** Seconds since 1970. */
  created: number;
  model: string;
  /** One, or `n`. */
  choices: [Choice, ...Choice[]];
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
    /** Which of `n` answers; they come one after the other. */
    index: number;
    /** `refusal` says that what came before is not what `response_format` asks for: it was cut off. */
    delta: {
      role?: 'assistant';
      content?: string;
      refusal?: string;
      /** Each comes whole, in one chunk. */
      tool_calls?: (ToolCall & { index: number })[];
    };
    finish_reason: FinishReason | null;
    logprobs: ChoiceLogprobs | null;
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
