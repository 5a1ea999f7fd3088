/**
 * A stand-in for apps' own tests: the interface of `tidegate` with answers that the test chooses. No worker, no
 * wasm, no network. What it does is the same each time, and each piece comes in a task of its own.
 */
import type { Availability } from './availability.js';
import type { AnswerCall, Engine } from './engine.js';
import { TidegateError } from './errors.js';
import type { FeedbackChange, Learned } from './feedback.js';
import { tellAll } from './listeners.js';
import { consentData } from './masks.js';
import { engineOptions, type ModelRef, type Progress, type TidegateOptions } from './options.js';
import { TestVault } from './testing-vault.js';
import { abortedBy, EngineTidegate, type Tidegate, throwIfAborted } from './tidegate.js';
import type {
  ChatRequest,
  Doubt,
  DoubtCause,
  FinishReason,
  MaskEdits,
  MasksEdited,
  Piece,
  Policy,
  Preview,
  Reaction,
  Reason,
  Receipt,
  Route,
  Scores,
  Source,
  ToolCall,
  Usage,
  Utility,
} from './types.gen.js';

/** What the stand-in does. */
export interface TestOptions extends TidegateOptions {
  /**
   * The answer to a request, a text or calls of tools, or a text of the page that is doubtful; default: its last message, repeated. A thrown
   * `TidegateError` ends the answer.
   */
  answer?: (request: ChatRequest, source: Source) => TestAnswer | Promise<TestAnswer>;
  /** Waits between pieces and between steps of getting ready; default: one task. */
  pace?: () => Promise<void>;
  /** Bytes that getting ready pretends to fetch; default 0, as if all were stored. */
  download?: number;
}

/** What the stand-in answers. */
export type TestAnswer = string | { tool_calls: ToolCall[] } | { content: string; doubt: DoubtCause };

/** Like the real `availability`; the model counts as stored. */
export async function availability(
  _model?: ModelRef,
  options: { signal?: AbortSignal } = {},
): Promise<Availability> {
  options.signal?.throwIfAborted();
  const fit = { storage: true, memory: true };
  return { status: 'available', device: { backend: 'cpu' }, fit, bytesToDownload: 0, persisted: true };
}

/** Like the real `createTidegate`. */
export async function createTidegate(options: TestOptions = {}): Promise<Tidegate> {
  const { answer = repeat, pace = task, download = 0, ...rest } = options;
  const { cloud, model } = engineOptions(rest, 'https://page.test/');
  for (const progress of preparation(download)) {
    if (options.signal !== undefined) throwIfAborted(options.signal);
    if (options.onProgress !== undefined) tellAll([options.onProgress], progress);
    await pace();
  }
  const engine = new TestEngine(model.kind !== 'none', cloud?.relays[0], answer, pace);
  return new EngineTidegate(engine, options.policy, cloud !== null);
}

function repeat(request: ChatRequest): string {
  return request.messages.at(-1)?.content ?? '';
}

function task(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function* preparation(bytes: number): Generator<Progress> {
  yield { phase: 'compile', loaded: 1, total: 1 };
  for (let part = 1; part <= 10 && bytes > 0; part += 1) {
    yield { phase: 'download', loaded: Math.round((bytes * part) / 10), total: bytes };
  }
  yield { phase: 'selftest', loaded: 1, total: 1 };
}

class TestEngine implements Engine {
  readonly model = 'test';
  readonly #vault = new TestVault();
  #reactions: Reaction[] = [];
  readonly diagnostics = {
    greedy: async () => Promise.reject(unsupported('diagnostics.greedy')),
    dispatchCost: async () => Promise.reject(unsupported('diagnostics.dispatchCost')),
    detectionCost: async () => Promise.reject(unsupported('diagnostics.detectionCost')),
    decisionCost: async () => Promise.reject(unsupported('diagnostics.decisionCost')),
    lastRecord: async () => Promise.reject(unsupported('diagnostics.lastRecord')),
  };

  constructor(
    private readonly hasLocal: boolean,
    private readonly relay: string | undefined,
    private readonly text: NonNullable<TestOptions['answer']>,
    private readonly pace: () => Promise<void>,
  ) {}

  async answer(call: AnswerCall): Promise<void> {
    const { request, policy, onEvent, signal } = call;
    const start = performance.now();
    let route = await this.route(request, policy);
    onEvent({ type: 'route', route });
    let begun = route.target === 'local' ? await this.text(request, 'local') : undefined;
    const doubt = await this.doubt(call, begun);
    if (doubt?.escalates === true) {
      route = { ...route, target: 'cloud', reasons: [DOUBTFUL, ...route.reasons] };
      onEvent({ type: 'route', route });
      begun = undefined;
    }
    const cloud = route.target === 'cloud';
    const preview = cloud ? await this.release(call) : undefined;
    let first = 0;
    let completion = 0;
    const reasons: FinishReason[] = [];
    for (let index = 0; index < (request.n ?? 1); index += 1) {
      const said = begun ?? (await this.text(request, route.target));
      begun = undefined;
      const answer = typeof said === 'object' && 'content' in said ? said.content : said;
      reasons.push(typeof answer === 'string' ? 'stop' : 'tool_calls');
      if (typeof answer !== 'string') {
        await this.pace();
        if (signal.aborted) throw abortedBy(signal);
        completion += 1;
        onEvent({ type: 'text', index, text: '', tool_calls: answer.tool_calls });
        continue;
      }
      for (const piece of answer.match(/\s*\S+|\s+$/g) ?? []) {
        await this.pace();
        if (signal.aborted) throw abortedBy(signal);
        if (first === 0) first = performance.now() - start;
        completion += 1;
        onEvent({ type: 'text', index, text: piece, ...logprobsOf(request, piece) });
      }
    }
    const prompt = request.messages.reduce((sum, { content }) => sum + content.split(/\s+/).length, 0);
    const usage: Usage = {
      prompt_tokens: prompt,
      completion_tokens: completion,
      total_tokens: prompt + completion,
    };
    const none: Usage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
    const receipt: Receipt = {
      source: doubt?.escalates === true ? 'both' : route.target,
      reasons: doubt?.mark === undefined ? route.reasons : [...route.reasons, DOUBTFUL],
      calibrated: false,
      ...(doubt?.mark === undefined ? {} : { doubt: doubt.mark }),
      replaced: preview?.replaced ?? [],
      restored: 0,
      uncertain: 0,
      withheld: 0,
      invented: 0,
      dropped: [],
      usage: cloud ? { local: none, cloud: usage } : { local: usage, cloud: none },
      ms: { first, total: performance.now() - start },
    };
    if (preview !== undefined) {
      const messages = preview.messages.map(({ role, text: content }) => ({ role, content }));
      const sent = JSON.stringify({ ...request, messages });
      receipt.sent = {
        text: sent,
        bytes: 512,
        attempts: 1,
        relay: this.relay ?? '',
        keyId: '0'.repeat(64),
      };
    } else {
      receipt.confidence = 0.5;
    }
    onEvent({ type: 'done', finish_reasons: reasons, receipt });
  }

  /** What becomes of an answer of the page that is doubtful, by the policy; nothing if it is not. */
  private async doubt({ request, policy, whenDoubtful }: AnswerCall, answer: TestAnswer | undefined) {
    if (typeof answer !== 'object' || !('doubt' in answer) || policy.onDoubt === 'ship') return undefined;
    const { blocked } = await this.preview(request, policy);
    const cloud = this.relay !== undefined && policy.mode !== 'local-only' && !blocked;
    const mark: Doubt = { cause: answer.doubt, cloud };
    const wanted =
      policy.onDoubt === 'escalate' || (policy.onDoubt === 'ask' && (await whenDoubtful?.(mark)) === true);
    return cloud && wanted ? { escalates: true } : { escalates: false, mark };
  }

  /** What leaves, once the app has allowed it. */
  private async release({ request, policy, consent }: AnswerCall): Promise<Preview> {
    const preview = this.#vault.release(request, policy);
    const decision = consent === undefined || consentData(await consent(preview));
    if (decision === false) {
      throw new TidegateError({
        code: 'consent-declined',
        message: 'the app declined to send',
        recoverable: true,
      });
    }
    if (decision === true) return preview;
    this.#vault.edit(decision);
    return this.#vault.release(request, policy);
  }

  async route(request: ChatRequest, policy: Policy): Promise<Route> {
    const wantsCloud = policy.mode === 'cloud-only' || policy.mode === 'prefer-cloud';
    const { blocked } = await this.preview(request, policy);
    if (blocked && policy.mode === 'cloud-only') {
      throw new TidegateError({
        code: 'privacy-blocked',
        message: 'there is something here that may not leave',
        recoverable: false,
      });
    }
    const target = wantsCloud && !blocked && this.relay !== undefined ? 'cloud' : 'local';
    if (target === 'local' && policy.mode === 'cloud-only') {
      throw new TidegateError({ code: 'no-route', message: 'no cloud is configured', recoverable: false });
    }
    if (target === 'local' && !this.hasLocal) {
      throw new TidegateError({
        code: 'local-unavailable',
        message: 'no model is loaded',
        recoverable: true,
      });
    }
    const reason: Reason = { code: `mode-${policy.mode}`, text: `The mode is ${policy.mode}.` };
    if (blocked && wantsCloud) {
      reason.code = policy.privacy.kinds.EMAIL === 'restricted' ? 'needs-attestation' : 'never-leaves';
      reason.text = 'There is something here that may not leave.';
    }
    return { target, reasons: [reason], scores: SCORES, changes: [] };
  }

  async preview(request: ChatRequest, policy: Policy): Promise<Preview> {
    return this.#vault.preview(request, policy);
  }

  async editMasks(edits: MaskEdits): Promise<MasksEdited> {
    return this.#vault.edit(edits);
  }

  /** It keeps what it was told, and learns nothing from it. */
  async feedback(change: FeedbackChange): Promise<Learned> {
    if (change.kind === 'note') this.#reactions.push(change.reaction);
    if (change.kind === 'load') this.#reactions = parseReactions(change.saved);
    if (change.kind === 'reset') this.#reactions = [];
    return { saved: JSON.stringify(this.#reactions), drift: null };
  }

  async saveVault(): Promise<string> {
    return this.#vault.save();
  }

  async loadVault(saved: string): Promise<void> {
    this.#vault.load(saved);
  }

  stats() {
    return { memoryBytes: 0 };
  }

  async forget(): Promise<void> {
    this.#vault.forget();
  }

  async dispose(): Promise<void> {}
}

const DOUBTFUL: Reason = { code: 'local-doubtful', text: 'The answer of the page is doubtful.' };

const NOTHING: Utility = { gain: 0, cost: 0, latency: 0, burden: 0, total: 0 };

/** It decides by the mode alone. */
const SCORES: Scores = {
  guess: null,
  estimate: null,
  tolerance: 0.5,
  sensitivity: 0,
  cost: 0,
  local: NOTHING,
  cloud: NOTHING,
};

/** Each piece counts as one token that was never in doubt. */
function logprobsOf(request: ChatRequest, token: string): Pick<Piece, 'logprobs'> {
  if (request.logprobs !== true) return {};
  const bytes = [...new TextEncoder().encode(token)];
  return { logprobs: [{ token, logprob: 0, bytes, top_logprobs: [] }] };
}

function parseReactions(saved: string): Reaction[] {
  try {
    const reactions: unknown = JSON.parse(saved);
    if (Array.isArray(reactions)) return reactions;
  } catch {
    // As below.
  }
  throw new TidegateError({
    code: 'invalid-request',
    message: 'feedback.load: not feedback that this stand-in saved',
    recoverable: false,
  });
}

function unsupported(what: string): TidegateError {
  return new TidegateError({
    code: 'invalid-request',
    message: `${what}: not in the stand-in`,
    recoverable: false,
  });
}
