import type { FeedbackChange, Learned } from './feedback.js';
import type { Consent } from './masks.js';
import type { TokenSource, WhenDoubtful } from './options.js';
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

/** The engine as the package sees it: in a worker (`remote.ts`), or in memory for tests (`testing.ts`). */
export interface Engine {
  /** The local model's name, or `'none'`. */
  readonly model: string;
  /** Answers; resolves after the `done` event. */
  answer(call: AnswerCall): Promise<void>;
  /** Where a request would be answered now. */
  route(request: ChatRequest, policy: Policy): Promise<Route>;
  /** What of a request would leave. */
  preview(request: ChatRequest, policy: Policy): Promise<Preview>;
  /** Adds masks and takes masks away. */
  editMasks(edits: MaskEdits, policy: Policy): Promise<MasksEdited>;
  /** What people do with the page's answers. */
  feedback(change: FeedbackChange): Promise<Learned>;
  /** Which placeholder stands for which value, as text. */
  saveVault(): Promise<string>;
  /** Goes on with what was saved. */
  loadVault(saved: string): Promise<void>;
  /** Wipes which placeholder stood for which value. */
  forget(): Promise<void>;
  stats(): Stats;
  diagnostics: Diagnostics;
  dispose(): Promise<void>;
}

/** One question to an engine. */
export interface AnswerCall {
  request: ChatRequest;
  policy: Policy;
  onEvent(event: AnswerEvent): void;
  /** Absent: nobody wants to be asked. */
  consent: Consent | undefined;
  /** Absent: doubtful answers that the policy asks about are marked. */
  whenDoubtful: WhenDoubtful | undefined;
  /** Absent: the gateway takes none. */
  tokens?: TokenSource | undefined;
  signal: AbortSignal;
  /** Nobody waits for the answer. */
  background: boolean;
}

/** Ways to look inside, for golden tests and benchmarks. */
export interface Diagnostics {
  /** Greedy tokens after `prompt`, the model's chat template applied, or after the very ids given. */
  greedy(
    prompt: ChatRequest['messages'] | number[],
    maxTokens: number,
  ): Promise<{ prompt: number[]; ids: number[] }>;
  /**
   * What `operations` dependent small tensor operations cost, in ms: until all are issued, and until the last
   * result is back. Only on WebGPU.
   */
  dispatchCost(operations: number): Promise<{ issueMs: number; totalMs: number }>;
  /** What it takes to find what is personal in a request, and what would leave instead of it, in ms. */
  detectionCost(request: ChatRequest): Promise<{ ms: number }>;
  /**
   * What it takes to decide where a request is answered, in ms, where both places may answer: once it is known what is
   * personal, and with the weights that judge it.
   */
  decisionCost(request: ChatRequest): Promise<{ ms: number }>;
  /**
   * How the last request was decided, answered or not, as JSON: `tidegate replay` decides it again. It holds counts,
   * kinds and scores, and nothing of what was asked. Undefined before the first request.
   */
  lastRecord(): Promise<string | undefined>;
}
