import type { FeedbackChange, Learned } from './feedback.js';
import type { EngineOptions, Progress } from './options.js';
import type { Stats } from './stats.js';
import type {
  AnswerEvent,
  ChatRequest,
  DeviceSignals,
  Doubt,
  ErrorData,
  MaskEdits,
  MasksEdited,
  Message,
  Policy,
  Preview,
  Route,
} from './types.gen.js';

/** What the page asks of the worker, and what each ask resolves to. */
export interface Calls {
  /** `avoidGpu`: why WebGPU should not be used, if it should not. */
  open: { ask: { options: EngineOptions; avoidGpu: string | null }; result: null };
  answer: {
    ask: {
      request: ChatRequest;
      policy: Policy;
      wantsConsent: boolean;
      /** Whether the page wants to be asked of doubtful answers. */
      wantsDoubt: boolean;
      /** Whether the page has tokens to be asked for. */
      hasTokens: boolean;
      journal: Journal;
      background: boolean;
    };
    result: null;
  };
  route: { ask: { request: ChatRequest; policy: Policy }; result: Route };
  preview: { ask: { request: ChatRequest; policy: Policy }; result: Preview };
  editMasks: { ask: { edits: MaskEdits; policy: Policy }; result: MasksEdited };
  feedback: { ask: { change: FeedbackChange }; result: Learned };
  saveVault: { ask: object; result: string };
  loadVault: { ask: { saved: string }; result: null };
  forget: { ask: object; result: null };
  greedy: {
    ask: { prompt: Message[] | number[]; maxTokens: number };
    result: { prompt: number[]; ids: number[] };
  };
  dispatchCost: { ask: { operations: number }; result: { issueMs: number; totalMs: number } };
  detectionCost: { ask: { request: ChatRequest; policy: Policy }; result: { ms: number } };
  decisionCost: { ask: { request: ChatRequest; policy: Policy }; result: { ms: number } };
  lastRecord: { ask: object; result: string | null };
}

export type CallName = keyof Calls;

/**
 * What has to be known of a local answer to go on with it in another worker. It never leaves the page.
 */
export interface Journal {
  /** Where the random numbers begin, if the request does not say. */
  seed: number;
  /** Tokens that were chosen: id, natural logarithm of its probability. */
  tokens: [id: number, logProbability: number][];
}

/** A token for one request, or why there is none. */
export type TakenToken = { token: string } | { error: ErrorData };

/** Page to worker. `id` names a call; ids are never used twice. */
export type ToWorker =
  | { [C in CallName]: { type: C; id: number } & Calls[C]['ask'] }[CallName]
  | { type: 'abort'; id: number }
  | { type: 'consent'; id: number; decision: boolean | MaskEdits }
  | { type: 'doubt'; id: number; cloud: boolean }
  | { type: 'token-taken'; id: number; taken: TakenToken }
  /** Whether someone sees the page; until the first one, somebody does. */
  | { type: 'seen'; id: number; seen: boolean }
  /** What the device says of itself; until the first one, nothing. */
  | { type: 'signals'; id: number; signals: DeviceSignals }
  | { type: 'gpu'; id: number; refusal: string | null };

/** Worker to page. Every call ends with one `result` or one `error`, and the worker itself with one `crashed`. */
export type FromWorker =
  | { type: 'progress'; id: number; progress: Progress }
  /** `stats` come with `done`, so that who has the whole answer also has its figures. */
  | { type: 'event'; id: number; event: AnswerEvent; stats?: Stats }
  /** A token of a local answer, before its text. */
  | { type: 'token'; id: number; token: Journal['tokens'][number] }
  | { type: 'ask-consent'; id: number; preview: Preview }
  | { type: 'ask-doubt'; id: number; doubt: Doubt }
  | { type: 'ask-token'; id: number }
  /** A GPU is about to be opened. The page remembers that, and tells if something is known against it. */
  | { type: 'ask-gpu'; id: number; adapter: string; forced: boolean }
  /** The GPU failed its self-test. */
  | { type: 'gpu-failed'; adapter: string; reason: string }
  /** With the saved `vault` where it is another one than before. */
  | { type: 'result'; id: number; value: Calls[CallName]['result']; stats: Stats; vault?: string }
  | { type: 'error'; id: number; error: ErrorData; stats: Stats | null; vault?: string }
  | { type: 'crashed'; error: ErrorData };
