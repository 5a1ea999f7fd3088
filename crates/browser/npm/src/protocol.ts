import type { EngineOptions, Progress } from './options.js';
import type { Stats } from './stats.js';
import type { AnswerEvent, ChatRequest, ErrorData, Message, Policy, Preview, Route } from './types.gen.js';

/** What the page asks of the worker, and what each ask resolves to. */
export interface Calls {
  open: { ask: { options: EngineOptions }; result: null };
  answer: { ask: { request: ChatRequest; policy: Policy; wantsConsent: boolean }; result: null };
  route: { ask: { request: ChatRequest; policy: Policy }; result: Route };
  preview: { ask: { request: ChatRequest; policy: Policy }; result: Preview };
  forget: { ask: object; result: null };
  greedy: {
    ask: { prompt: Message[] | number[]; maxTokens: number };
    result: { prompt: number[]; ids: number[] };
  };
  dispatchCost: { ask: { operations: number }; result: { issueMs: number; totalMs: number } };
}

export type CallName = keyof Calls;

/** Page to worker. `id` names a call; ids are never used twice. */
export type ToWorker =
  | { [C in CallName]: { type: C; id: number } & Calls[C]['ask'] }[CallName]
  | { type: 'abort'; id: number }
  | { type: 'consent'; id: number; allow: boolean };

/** Worker to page. Every call ends with one `result` or one `error`, and the worker itself with one `crashed`. */
export type FromWorker =
  | { type: 'progress'; id: number; progress: Progress }
  /** `stats` come with `done`, so that who has the whole answer also has its figures. */
  | { type: 'event'; id: number; event: AnswerEvent; stats?: Stats }
  | { type: 'ask-consent'; id: number; preview: Preview }
  | { type: 'result'; id: number; value: Calls[CallName]['result']; stats: Stats }
  | { type: 'error'; id: number; error: ErrorData; stats: Stats | null }
  | { type: 'crashed'; error: ErrorData };
